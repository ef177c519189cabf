"""QUIC Initial protection: the keys that anybody on the path can derive, and their use.

Initial packets are protected against accidents, not against observers: the keys follow from the version's salt and from
the Destination Connection ID of the client's first Initial (RFC 9001 section 5.2, RFC 9369 section 3.3).
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from egret.decode.quic_ciphers import InitialKeys

SAMPLE = 16  # RFC 9001 section 5.4.2
TAG = 16

VERSION_1 = 0x00000001
VERSION_2 = 0x6B3343CF
VERSION_2_DRAFT = 0x709A50C4
# Whose keys an unknown version may well have: vendors and experiments renamed what they had built.
TRIALS = (VERSION_1, 0xFF00001D, 0xFF00001B)

_SALT_1 = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
_SALT_2 = bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")
_SALT_2_DRAFT = bytes.fromhex("a707c203a59b47184a1d62ca570406ea7ae3e5d3")
_SALT_DRAFT_29 = bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")
_SALT_DRAFT_23 = bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502")
_SALT_DRAFT_22 = bytes.fromhex("7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a")
_SALT_Q050 = bytes.fromhex("504574efd066fe2f9d945cfcdbd3a7f0d3b56b45")
_SALT_T050 = bytes.fromhex("7ff579e5acd072915580304c43a2367c60488310")
_SALT_T051 = bytes.fromhex("7a4edef4e7ccee5fa4506c19124fc8ccda6e033d")


def _info(label: bytes, length: int) -> bytes:
    """What HKDF-Expand-Label feeds with an empty context; one block of SHA-256 is all that Initial keys need."""
    full = b"tls13 " + label
    return length.to_bytes(2, "big") + bytes((len(full),)) + full + b"\x00\x01"


Pads = tuple[bytes, bytes]  # a key as HMAC puts it before what is hashed, twice

_BLOCK = 64  # of SHA-256
_INNER, _OUTER = (bytes(byte ^ mask for byte in range(256)) for mask in (0x36, 0x5C))


def _pads(key: bytes) -> Pads:
    """Of a key of 64 bytes at most (RFC 2104 section 2)."""
    block = key.ljust(_BLOCK, b"\x00")
    return block.translate(_INNER), block.translate(_OUTER)


def _mac(pads: Pads, message: bytes) -> bytes:
    """HMAC-SHA-256. ``hmac.digest`` takes twice the time for the same: OpenSSL looks the hash up anew each time."""
    inner, outer = pads
    return sha256(outer + sha256(inner + message).digest()).digest()


class _Scheme(NamedTuple):
    salt: Pads
    key: bytes  # what the keys are derived with
    iv: bytes
    hp: bytes


def _scheme(salt: bytes, label: bytes = b"quic") -> _Scheme:
    return _Scheme(_pads(salt), _info(label + b" key", 16), _info(label + b" iv", 12), _info(label + b" hp", 16))


def _drafts(first: int, last: int, salt: bytes) -> dict[int, _Scheme]:
    return {0xFF000000 | draft: _scheme(salt) for draft in range(first, last + 1)}


_CLIENT, _SERVER = _info(b"client in", 32), _info(b"server in", 32)
_SCHEMES: dict[int, _Scheme] = {
    VERSION_1: _scheme(_SALT_1),
    VERSION_2: _scheme(_SALT_2, b"quicv2"),
    VERSION_2_DRAFT: _scheme(_SALT_2_DRAFT, b"quicv2"),
    **_drafts(33, 34, _SALT_1),
    **_drafts(29, 32, _SALT_DRAFT_29),
    **_drafts(23, 28, _SALT_DRAFT_23),
    0xFF000016: _scheme(_SALT_DRAFT_22),
    0xFACEB001: _scheme(_SALT_DRAFT_22),  # mvfst took the salts of the drafts it followed
    **dict.fromkeys((0xFACEB002, 0xFACEB00E, *range(0xFACEB010, 0xFACEB016)), _scheme(_SALT_DRAFT_23)),
    **dict.fromkeys((0xFACEB003, 0xFACEB004, 0xFACEFEED), _scheme(_SALT_1)),
    0xD4000400: _scheme(_SALT_1),  # seen from Tencent's clients
    0x51303530: _scheme(_SALT_Q050),
    0x54303530: _scheme(_SALT_T050),
    0x54303531: _scheme(_SALT_T051),
}
KNOWN_VERSIONS = frozenset(_SCHEMES)


@cache
def _maker() -> type[InitialKeys]:
    from egret.decode import quic_ciphers  # noqa: PLC0415 (the compiled gate has its own ciphers)

    return quic_ciphers.InitialKeys


def initial_keys(dcid: bytes, version: int, *, server: bool = False) -> InitialKeys:
    """Derive the Initial keys of the client's or the server's direction.

    Args:
        dcid: the Destination Connection ID of the client's first Initial, or of its Initial after a Retry.
        version: one of ``KNOWN_VERSIONS``.
        server: the keys of what the server sends.

    Raises:
        KeyError: *version* is not known.

    Ref: RFC 9001 sections 5.1 and 5.2, RFC 9369 section 3.3.
    """
    salt, key, iv, hp = _SCHEMES[version]
    secret = _pads(_mac(_pads(_mac(salt, dcid)), _SERVER if server else _CLIENT))
    return _maker()(_mac(secret, key)[:16], _mac(secret, iv)[:12], _mac(secret, hp)[:16])
