from __future__ import annotations

import pytest

from egret.decode.plain_link import ip_in
from tests.support.links import cooked, null, pppoe

IP = b"\x45\0\0\x28" + bytes(36)
ETHERNET = bytes(12) + b"\x08\0" + IP


def found(frame: bytes, linktype: int) -> tuple[int, int] | None:
    return ip_in(frame, 0, len(frame), linktype)


def test_ip_is_found() -> None:
    assert found(ETHERNET, 1) == (14, 54)
    assert ip_in(b"..." + ETHERNET + b"..", 3, 57, 1) == (17, 57)
    assert found(pppoe(ETHERNET), 1) == (22, 62)
    assert found(cooked(ETHERNET), 113) == (16, 56)
    assert found(IP, 101) == (0, 40)


@pytest.mark.parametrize(
    ("frame", "linktype"),
    [
        (ETHERNET[:-1], 1),  # smaller than anything with a name
        (ETHERNET[:12] + b"\x08\6" + IP, 1),  # ARP
        (ETHERNET[:12] + b"\x81\0\0\7" * 3 + ETHERNET[12:], 1),  # more tags than anybody has
        (pppoe(ETHERNET)[:-1], 1),
        (pppoe(ETHERNET).replace(b"\x11\0\0\7", b"\x11\x09\0\7"), 1),  # PPPoE's discovery
        (pppoe(ETHERNET).replace(b"\0\x21", b"\xc0\x21"), 1),  # PPP's own
        (pppoe(ETHERNET).replace(b"\0\x2a", b"\0\x29"), 1),  # PPPoE cuts the packet off
        (b"\0\0\3\x21" + cooked(ETHERNET)[4:], 113),  # 802.11 behind a cooked header
        (b"\xff\3\0\x21" + null(ETHERNET)[4:], 0),  # PPP
        (b"\x63\0\0\0" + null(ETHERNET)[4:], 0),  # no family
        (null(ETHERNET)[:-1], 0),
        (IP[:-1], 101),
        (IP, 9999),
    ],
)
def test_what_is_not_plain_is_left(frame: bytes, linktype: int) -> None:
    assert found(frame, linktype) is None
