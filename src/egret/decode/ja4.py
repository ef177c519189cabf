"""JA4: what a ClientHello says about the software that sent it, in 36 characters.

Only the TLS client fingerprint, which FoxIO published under a BSD licence; written from its description.
Three parts: what can be read at a glance (carrier, version, whether a name was sent, how many ciphers and
extensions, the ALPN), and twelve digits of a hash each of the sorted ciphers and of the sorted extensions
with the signature algorithms. GREASE values (RFC 8701) are left out, and since both lists are sorted, a
client that shuffles its extensions keeps its fingerprint.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from struct import unpack

from egret.decode.tls import ClientHello
from egret.model import Protocol

_CARRIERS = {Protocol.TLS: "t", Protocol.QUIC: "q", Protocol.DTLS: "d"}
_VERSIONS = {
    0x0002: "s2",
    0x0300: "s3",
    0x0301: "10",
    0x0302: "11",
    0x0303: "12",
    0x0304: "13",
    0xFEFF: "d1",
    0xFEFD: "d2",
    0xFEFC: "d3",
}
_GREASE = frozenset(byte << 8 | byte for byte in range(0x0A, 0x100, 0x10))
_SERVER_NAME, _ALPN = 0, 16
_NOTHING = "0" * 12
_MOST = 99  # two digits


def fingerprint(hello: ClientHello, carrier: Protocol) -> str | None:
    """The JA4 of *hello*; None where its extensions were not all read, so that no wrong one is said.

    Args:
        hello: as the parser gave it.
        carrier: TLS, QUIC or DTLS.
    """
    kinds = hello.extensions
    if kinds is None:
        return None
    kept = sorted([kind for kind in kinds if kind not in _GREASE])
    count, ciphers = _ciphers(hello.ciphers)
    return "".join(
        (
            _CARRIERS[carrier],
            _VERSIONS.get(hello.version, "00"),
            "d" if _SERVER_NAME in kept else "i",
            f"{count:02d}{min(len(kept), _MOST):02d}",
            _ends(hello.alpn),
            ciphers,
            _extensions(tuple(kept), hello.signature_algorithms),
        )
    )


def _values(raw: bytes) -> list[int]:
    """The numbers of a list of two bytes each, without GREASE; a lone last byte is none."""
    count = len(raw) // 2
    return [value for value in unpack(f"!{count}H", raw[: 2 * count]) if value not in _GREASE]


def _ends(alpn: tuple[bytes, ...]) -> str:
    """First and last character of the first protocol name; of its hexadecimal form where either is odd."""
    if not alpn or not alpn[0]:
        return "00"
    text = alpn[0].decode("latin-1")
    if not (_plain(text[0]) and _plain(text[-1])):
        text = alpn[0].hex()
    return text[0] + text[-1]


def _plain(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12]


@lru_cache(maxsize=1 << 12)
def _ciphers(raw: bytes) -> tuple[int, str]:
    """How many, and ``_`` with their hash; a client differs from hello to hello only in its GREASE value."""
    values = sorted(_values(raw))
    listed = ",".join([f"{value:04x}" for value in values])
    return min(len(values), _MOST), "_" + (_digest(listed) if values else _NOTHING)


@lru_cache(maxsize=1 << 12)
def _extensions(kept: tuple[int, ...], signature_algorithms: bytes) -> str:
    """The hash of the sorted types but server_name and ALPN, and of the signature algorithms as sent."""
    listed = ",".join([f"{kind:04x}" for kind in kept if kind not in {_SERVER_NAME, _ALPN}])
    if not listed:
        return "_" + _NOTHING
    signed = ",".join([f"{value:04x}" for value in _values(signature_algorithms)])
    return "_" + _digest(f"{listed}_{signed}" if signed else listed)
