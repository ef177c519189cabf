"""A frame's packet behind rarer headers of IP, or with a length that is not said."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

Header = Callable[[bytes, random.Random], bytes]

_MACS = b"\2\0\0\0\0\1\2\0\0\0\0\2"
_CHAIN = (0, 43, 60, 135, 139, 140)
_PREFIX = b"\x20\1\x0d\xb8" * 3


def optioned(frame: bytes, chance: random.Random) -> bytes:
    """With options of IPv4."""
    if frame[12:15] != b"\x08\0\x45":
        return frame
    words = chance.randrange(1, 11)
    options = b"\x94\4\0\0" + bytes(4 * words - 4)
    total = int.from_bytes(frame[16:18]) + 4 * words
    return (
        frame[:14]
        + bytes([0x45 + words])
        + frame[15:16]
        + struct.pack("!H", total)
        + frame[18:34]
        + options
        + frame[34:]
    )


def extended(frame: bytes, chance: random.Random) -> bytes:
    """Over IPv6, behind some extension headers."""
    if frame[12:15] == b"\x08\0\x45":
        source, destination = _PREFIX + frame[26:30], _PREFIX + frame[30:34]
        frame = (
            _MACS + b"\x86\xdd\x60\0\0\0" + frame[16:18] + frame[23:24] + b"\x40" + source + destination + frame[34:]
        )
        frame = frame[:18] + struct.pack("!H", max(0, int.from_bytes(frame[18:20]) - 20)) + frame[20:]
    body, following = frame[54:], frame[20]
    for _ in range(chance.choice((1, 1, 2, 3, 7, 8, 9, 16))):
        body, following = _extension(following, chance) + body, 0
        body, following = body[1:], body[0]
    total = int.from_bytes(frame[18:20]) + len(body) - len(frame) + 54
    return frame[:18] + struct.pack("!HB", total, following) + frame[21:54] + body


def _extension(following: int, chance: random.Random) -> bytes:
    """Its number, then the header."""
    words = chance.choice((0, 0, 1, 4))
    kind = chance.choice((*_CHAIN, 44, 51))
    if kind == 44:
        return bytes([44, following, 0]) + struct.pack("!HI", chance.choice((0, 0, 0, 0, 0, 6, 1, 8)), 7)
    if kind == 51:
        return bytes([51, following, 2 * words]) + bytes(6 + 8 * words)
    return bytes([kind, following, words]) + b"\1\4" + bytes(4 + 8 * words)


def unsaid(frame: bytes, _chance: random.Random) -> bytes:
    """As a card is given what it is to cut: no length is said."""
    at = 16 if frame[12:14] == b"\x08\0" else 18
    return frame[:at] + b"\0\0" + frame[at + 2 :]


def both(frame: bytes, chance: random.Random) -> bytes:
    return unsaid(chance.choice((optioned, extended))(frame, chance), chance)


HEADERS: dict[str, Header] = {
    "options": optioned,
    "extension headers": extended,
    "no length": unsaid,
    "no length and more headers": both,
}


def wrapped(frame: bytes, chance: random.Random) -> bytes:
    """Behind any of them."""
    return chance.choice(list(HEADERS.values()))(frame, chance)
