from __future__ import annotations

import struct

from egret.decode.plain_ip import MAX_EXTENSIONS, carried, ends_in

SEGMENT = b"\x9c\x40\x01\xbb" + bytes(16)
ENDS_4, ENDS_6 = b"\xc0\0\2\1\xcb\0\x71\5", bytes(range(32))


def four(options: bytes, total: int, body: bytes = SEGMENT, fragment: int = 0) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, total, 7, fragment, 64, 6, 0)
    return head + ENDS_4 + options + body


def six(chain: bytes, first: int, length: int) -> bytes:
    return b"\x60\0\0\0" + struct.pack("!HBB", length, first, 64) + ENDS_6 + chain + SEGMENT


def opened(packet: bytes, missing: int = 0) -> tuple[int, int, int] | None:
    return carried(b"?" + packet + b"?", 1, 1 + len(packet), missing)


def test_options_are_stepped_over() -> None:
    packet = four(b"\x94\4\0\0", 44)
    assert opened(packet) == (6, 25, 20)
    assert ends_in(packet, 0, 24) == ENDS_4 + SEGMENT[:4]
    assert opened(four(bytes(40), 80)) == (6, 61, 20)
    assert opened(four(bytes(40), 59)) is None
    assert opened(b"\x44" + packet[1:]) is None
    assert opened(packet[:23]) is None
    assert opened(packet[:19]) is None


def test_fragments_are_not() -> None:
    assert opened(four(b"", 40, fragment=0x4000)) == (6, 21, 20)
    assert opened(four(b"", 40, fragment=0x2000)) is None
    assert opened(six(b"\6\0\0\x01\0\0\0\7", 44, 28)) is None
    assert opened(six(b"\6\0\0\0\0\0\0\7", 44, 28)) == (6, 49, 20)


def test_where_no_length_is_said_the_frame_says_it() -> None:
    assert opened(four(b"", 0)) == (6, 21, 20)
    assert opened(four(b"", 0), missing=1000) == (6, 21, 1020)
    assert opened(six(b"", 6, 0), missing=5) == (6, 41, 25)


def test_extension_headers_are_stepped_over() -> None:
    packet = six(b"\x3c\0" + bytes(6) + b"\6\1" + bytes(14), 0, 44)
    assert opened(packet) == (6, 65, 20)
    assert ends_in(packet, 0, 64) == ENDS_6 + SEGMENT[:4]
    assert opened(six(b"\6\4" + bytes(22), 51, 44)) == (6, 65, 20)
    assert opened(six(b"\6\xff" + bytes(6), 0, 28)) is None
    assert opened(six(b"\6\0" + bytes(6), 0, 7)) is None
    assert opened(six(b"\6\0" + bytes(6), 0, 28)[:45]) is None
    assert opened(six(b"", 6, 20)[:39]) is None


def test_not_too_many_of_them() -> None:
    one = b"\x3c\0" + bytes(6)
    for number in (MAX_EXTENSIONS, MAX_EXTENSIONS + 1):
        chain = one * (number - 1) + b"\6\0" + bytes(6)
        assert (opened(six(chain, 60, len(chain) + 20)) is None) == (number > MAX_EXTENSIONS)


def test_nothing_else_is_ip() -> None:
    assert opened(b"\x50" + bytes(60)) is None
