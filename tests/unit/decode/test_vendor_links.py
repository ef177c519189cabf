"""Links of vendors: IP is found wherever it begins, and only where it does."""

from __future__ import annotations

import pytest

from egret.decode.packet import decode_packet
from egret.decode.vendor_links import VENDOR_LINKTYPES, find_ip
from egret.errors import DecodeError
from tests.support.net import CLIENT, CLIENT6, HELLO, decoded, frame, ip, tcp, udp6
from tests.support.wraps import WRAPS

VENDOR = {name: wrap for name, wrap in WRAPS.items() if wrap.linktype in VENDOR_LINKTYPES}
PACKETS = [(bytes(tcp(HELLO)), CLIENT), (bytes(udp6(HELLO)), CLIENT6)]


@pytest.mark.parametrize("way", VENDOR)
def test_the_packet_is_found(way: str) -> None:
    for packet, source in PACKETS:
        found = decoded(VENDOR[way].wrap(packet), VENDOR[way].linktype)
        assert (bytes(found.payload), found.source.ip) == (HELLO, ip(source))


@pytest.mark.parametrize("linktype", sorted(VENDOR_LINKTYPES))
@pytest.mark.parametrize("fill", [0x00, 0x45, 0x60, 0xAA])
def test_any_bytes(linktype: int, fill: int) -> None:
    for size in range(0, 90, 3):
        try:
            decode_packet(frame(bytes([fill]) * size, linktype))
        except DecodeError:
            continue


@pytest.mark.parametrize("inner", [packet for packet, _ in PACKETS], ids=["IPv4", "IPv6"])
def test_ip_is_found_at_every_offset_within_the_limit(inner: bytes) -> None:
    for offset in range(80):
        found = find_ip(memoryview(bytes(offset) + inner + bytes(4)), 64)
        assert (found is not None) == (offset <= 64)
        assert found is None or bytes(found.data) == inner + bytes(4)


def test_what_only_looks_like_ip_is_passed_over() -> None:
    packet = PACKETS[0][0]
    broken = packet[:10] + b"\x12\x34" + packet[12:]
    assert find_ip(memoryview(b"\x45\x60" + broken)) is None
    unsummed = packet[:10] + bytes(2) + packet[12:]
    found = find_ip(memoryview(b"\x60\x45" + unsummed))
    assert found is not None
    assert bytes(found.data) == unsummed
    assert find_ip(memoryview(PACKETS[1][0] + bytes(40))) is None


def test_cable_frames_that_carry_no_packet() -> None:
    assert decode_packet(frame(b"\xc2" + bytes(60), 143)) is None
