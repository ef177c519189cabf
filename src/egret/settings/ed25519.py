"""Ed25519 (RFC 8032) for signed catalogues: the second door to ``cryptography``, beside ``decode.quic_ciphers``.

Keys and signatures are base64 of their raw bytes, one line: 32, 32 and 64 bytes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES = 32
SIGNATURE_BYTES = 64


def raw(text: str, length: int, what: str) -> bytes:
    """The *length* bytes that *text* is the base64 of.

    Raises:
        ValueError: it is not; says *what* was expected, and never repeats the text.
    """
    try:
        value = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != length:
        raise ValueError(f"{what} is the base64 of {length} bytes")
    return value


def public_key(text: str) -> str:
    """*text* without blanks, when it is a public key.

    Raises:
        ValueError: it is none.
    """
    raw(text, KEY_BYTES, "a public key")
    return text.strip()


def verified(data: bytes, signature: str, keys: Iterable[str]) -> bool:
    """Whether one of the public *keys* made *signature* of *data*; a malformed signature is made by none."""
    try:
        made = raw(signature, SIGNATURE_BYTES, "a signature")
    except ValueError:
        return False
    return any(_verifies(data, made, raw(key, KEY_BYTES, "a public key")) for key in keys)


def _verifies(data: bytes, signature: bytes, key: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def new_pair() -> tuple[str, str]:
    """A new private key and its public key."""
    private = Ed25519PrivateKey.generate()
    return _text(private.private_bytes_raw()), _text(private.public_key().public_bytes_raw())


def sign(data: bytes, private: str) -> str:
    """The detached signature of *data*.

    Raises:
        ValueError: *private* is no private key.
    """
    key = Ed25519PrivateKey.from_private_bytes(raw(private, KEY_BYTES, "a private key"))
    return _text(key.sign(data))


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
