"""Frames that hold neither TCP nor UDP, and some that only look like it."""

from __future__ import annotations

import struct

from bench.workloads import ETHERNET, tcp_segment

_MACS = ETHERNET[:12]
CLIENT, SERVER = 0xC0000203, 0xCB007105
_QUOTED = tcp_segment(CLIENT, SERVER, 40_000, 1, 2)[14:]


def packet(protocol: int, body: bytes, fragment: int = 0) -> bytes:
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(body), 7, fragment, 64, protocol, 0, CLIENT, SERVER)
    return ETHERNET + head + body


def esp(following: int, check: int, inner: bytes = bytes(60)) -> bytes:
    return packet(50, bytes(range(8)) + inner + b"\1\2\2" + bytes([following]) + b"\x99" * check)


PACKETS = (
    *(packet(protocol, bytes(40)) for protocol in (2, 46, 51, 84, 88, 89, 112, 132, 136, 253)),
    *(packet(1, bytes([kind]) + bytes(7) + _QUOTED) for kind in (0, 3, 4, 5, 8, 11, 12)),
    *(packet(58, bytes([kind]) + bytes(39)) for kind in (1, 4, 128, 135)),
    packet(1, b""),
    packet(50, bytes(300), fragment=0x2000),
    packet(89, bytes(300), fragment=3),
    *(esp(following, check) for following in (4, 41, 59) for check in (0, 8, 12, 13, 16)),
    esp(4, 12, _QUOTED),
    packet(50, bytes(9)),
)
FRAMES = (
    *(_MACS + struct.pack("!H", number) + bytes(28) for number in (0x0806, 0x88CC, 0x9000, 0x8863, 0x888E, 0x22EA)),
    *(_MACS + b"\x81\0\0\7" + struct.pack("!H", number) + bytes(28) for number in (0x0806, 0x8847, 38)),
    *(_MACS + b"\0\x26" + user * 2 + bytes(40) for user in (b"\x42", b"\x06", b"\xaa", b"\xfe")),
    b"\1\0\x0c\0\0" + _MACS[5:] + b"\0\x26" + bytes(80),
    _MACS + b"\0\x26\x42\x42",
    packet(2, bytes(8)),
    packet(1, b"\x08\0\0\0"),
    _MACS,
    _MACS + b"\x08\x06",
)
