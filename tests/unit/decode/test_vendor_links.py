"""Links of vendors: IP is found wherever it begins, and only where it does."""

from __future__ import annotations

import pytest

from egret.decode.packet import decode_packet
from egret.decode.vendor_links import VENDOR_LINKTYPES, find_ip
from egret.errors import DecodeError
from egret.model import Frame
from tests.support.net import CLIENT, CLIENT6, HELLO, ip, tcp, udp6
from tests.support.wraps import WRAPS, Wrap

VENDOR = {name: wrap for name, wrap in WRAPS.items() if wrap.linktype in VENDOR_LINKTYPES}
PACKETS = [(bytes(tcp(HELLO)), CLIENT), (bytes(udp6(HELLO)), CLIENT6)]


def frame(linktype: int, data: bytes) -> Frame:
    return Frame(1, linktype, memoryview(data), len(data))


@pytest.mark.parametrize("wrap", VENDOR.values(), ids=VENDOR)
@pytest.mark.parametrize("inner", PACKETS, ids=["IPv4", "IPv6"])
def test_the_packet_is_found(wrap: Wrap, inner: tuple[bytes, str]) -> None:
    packet, source = inner
    found = decode_packet(frame(wrap.linktype, wrap.wrap(packet)))
    assert found is not None
    assert (bytes(found.payload), found.source.ip) == (HELLO, ip(source))


@pytest.mark.parametrize("linktype", sorted(VENDOR_LINKTYPES))
@pytest.mark.parametrize("fill", [0x00, 0x01, 0x40, 0x45, 0x60, 0xAA, 0xFE, 0xFF])
def test_any_bytes(linktype: int, fill: int) -> None:
    for size in range(90):
        try:
            decode_packet(frame(linktype, bytes([fill]) * size))
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
    assert decode_packet(frame(143, b"\xc2" + bytes(60))) is None
