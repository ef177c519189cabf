from __future__ import annotations

import pytest

from egret.decode.link import ETHERNET
from egret.decode.plain_tunnel import behind_labels, inner_of, is_none
from tests.support.links import gre, in_udp, six, within

FRAME = bytes(12) + b"\x08\0\x45" + bytes(59)
VXLAN = b"\x08\0\0\0\0\0\7\0"


def inner(frame: bytes) -> tuple[int, int, int] | None:
    return inner_of(frame + b"padding", 14, len(frame))


def test_each_tunnel() -> None:
    assert inner(within(4, FRAME[14:])) == (0, 34, 34 + 60)
    assert inner(six(FRAME)) == (0, 54, 54 + 60)
    assert inner(gre(0, 0x86DD, FRAME[14:])) == (0, 38, 38 + 60)
    assert inner(gre(0x3000, 0x6558, FRAME)) == (ETHERNET, 46, 46 + 74)
    assert inner(gre(0x8000, 0x88BE, FRAME)) == (ETHERNET, 42, 42 + 74)
    assert inner(gre(0x1000, 0x88BE, bytes(8) + FRAME)) == (ETHERNET, 50, 50 + 74)
    assert inner(in_udp(4789, VXLAN + FRAME)) == (ETHERNET, 50, 50 + 74)
    assert inner(in_udp(2152, b"\x30\xff\0\x3c\0\0\0\7" + FRAME[14:])) == (0, 50, 50 + 60)


@pytest.mark.parametrize(
    "frame",
    [
        within(6, FRAME),
        within(4, b""),
        within(4, FRAME)[:-1],  # cut off
        within(4, FRAME)[:20] + b"\x20" + within(4, FRAME)[21:],  # a fragment
        b"\x45".join((within(4, FRAME)[:14], b"")) + b"\0\0" + bytes(60),
        bytes(14) + b"\x46" + bytes(60),
        gre(1, 0x880B, FRAME),  # PPTP
        gre(0x4000, 0x0800, FRAME),  # routes
        gre(0, 0x880B, FRAME),
        within(47, b"\0\0"),
        in_udp(4789, b"\x0c" + VXLAN[1:] + FRAME),  # says what is next
        in_udp(4789, VXLAN[:7] + b"\1" + FRAME),
        in_udp(4789, VXLAN + FRAME[:13]),
        in_udp(4789, VXLAN + FRAME).replace(b"\xc3\x50", b"\0\x35"),
        in_udp(443, VXLAN + FRAME),
        in_udp(2152, b"\x32\xff\0\x3c\0\0\0\7" + FRAME[14:]),  # more fields
        in_udp(2152, b"\x30\xff\0\x3b\0\0\0\7" + FRAME[14:]),
        in_udp(2152, b"\x30\xff\0\x4a\0\0\0\7" + FRAME),  # Ethernet
    ],
)
def test_what_is_not_plain_is_left(frame: bytes) -> None:
    assert inner(frame) is None


def test_labels() -> None:
    label, bottom = b"\0\x06\x40\x40", b"\0\x06\x51\x40"
    assert behind_labels(label + bottom + b"\x45", 0, 9) == 8
    assert behind_labels(label + bottom + b"\x45", 0, 8) is None
    assert behind_labels(bottom + b"\0\0", 0, 6) is None  # Ethernet
    assert behind_labels(label * 4 + bottom + b"\x45", 0, 21) is None


@pytest.mark.parametrize(
    ("port", "tunnel"),
    [(4789, VXLAN), (8472, VXLAN), (4790, b"\x0c\0\0\1" + VXLAN[4:]), (2152, b"\x34\xff"), (6081, b"\1\x40\x65\x58")],
)
def test_what_is_surely_no_tunnel(port: int, tunnel: bytes) -> None:
    payload = tunnel + bytes(30)
    assert not is_none(port, b"??" + payload, 2, 2 + len(payload))
    assert is_none(port, b"?" + payload, 1, 1 + 7)
    assert is_none(port, b"\x80" + payload[1:], 0, len(payload))
    assert not is_none(3544, b"\x80" + payload[1:], 0, len(payload))
