"""pcapng as evidence needs it: one section, one interface of raw IP packets, a comment on each.

Ref: draft-ietf-opsawg-pcapng sections 3.5, 4.1, 4.2 and 4.3.
"""

from __future__ import annotations

from egret.names import printable

RAW_IP = 101
MAX_COMMENT = 4000  # bytes; an option has room for 65,535
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_MAGIC, _VERSION = 0x1A2B3C4D, (1, 0)
_COMMENT, _APPLICATION, _RESOLUTION = 1, 4, 9
_NANOSECONDS = b"\x09"


def begin(application: str, comment: str) -> bytes:
    """The section's header and its interface."""
    head = _MAGIC.to_bytes(4, "little") + b"".join(part.to_bytes(2, "little") for part in _VERSION) + b"\xff" * 8
    options = _text(_COMMENT, comment) + _text(_APPLICATION, application)
    interface = RAW_IP.to_bytes(2, "little") + bytes(6) + _option(_RESOLUTION, _NANOSECONDS)
    return _block(_SECTION, head + options + bytes(4)) + _block(_INTERFACE, interface + bytes(4))


def packet(time_ns: int, data: bytes, comment: str) -> bytes:
    """One packet with its comment; times before 1970 are 1970."""
    at = max(0, time_ns)
    words = (0, at >> 32 & 0xFFFFFFFF, at & 0xFFFFFFFF, len(data), len(data))
    head = b"".join(word.to_bytes(4, "little") for word in words)
    return _block(_PACKET, head + _padded(data) + _text(_COMMENT, comment) + bytes(4))


def _text(code: int, text: str) -> bytes:
    return _option(code, printable(text).encode()[:MAX_COMMENT])


def _option(code: int, value: bytes) -> bytes:
    return code.to_bytes(2, "little") + len(value).to_bytes(2, "little") + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _block(kind: int, body: bytes) -> bytes:
    size = (len(body) + 12).to_bytes(4, "little")
    return kind.to_bytes(4, "little") + size + body + size
