"""One self-signed certificate for every name of the world."""

from __future__ import annotations

import base64
import hashlib
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support.world.plan import SITES


class Identity(NamedTuple):
    """The files that servers present and clients trust."""

    certificate: Path
    key: Path
    spki_hash: str  # base64 SHA-256 of the public key, as Chromium's allow list wants it


def make_identity(folder: Path) -> Identity:
    """Write ``world.crt`` and ``world.key`` into *folder*; valid from yesterday for ten days."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key)
    pem, key_pem = folder / "world.crt", folder / "world.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Identity(pem, key_pem, base64.b64encode(hashlib.sha256(spki).digest()).decode())


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Egret test world")])
    now = datetime.fromtimestamp(time.time(), UTC)
    alternatives = [x509.DNSName(site.name) for site in SITES]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
