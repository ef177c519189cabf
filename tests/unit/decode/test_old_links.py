"""Link types of old captures: each finds the packet, and takes any bytes."""

from __future__ import annotations

import pytest

from egret.decode.old_links import OLD_LINKTYPES
from egret.decode.packet import decode_packet
from egret.errors import DecodeError
from egret.model import Frame
from tests.support.net import CLIENT, CLIENT6, HELLO, ip, tcp, udp6
from tests.support.wraps import WRAPS, Wrap

OLD = {name: wrap for name, wrap in WRAPS.items() if wrap.linktype in OLD_LINKTYPES}
PACKETS = [(bytes(tcp(HELLO)), CLIENT), (bytes(udp6(HELLO)), CLIENT6)]


def frame(linktype: int, data: bytes) -> Frame:
    return Frame(1, linktype, memoryview(data), len(data))


@pytest.mark.parametrize("wrap", OLD.values(), ids=OLD)
@pytest.mark.parametrize("inner", PACKETS, ids=["IPv4", "IPv6"])
def test_the_packet_is_found(wrap: Wrap, inner: tuple[bytes, str]) -> None:
    packet, source = inner
    found = decode_packet(frame(wrap.linktype, wrap.wrap(packet)))
    assert found is not None
    assert (bytes(found.payload), found.source.ip) == (HELLO, ip(source))


@pytest.mark.parametrize("linktype", sorted(OLD_LINKTYPES))
@pytest.mark.parametrize("fill", [0x00, 0x01, 0x03, 0xAA, 0xCC, 0xFF])
def test_any_bytes(linktype: int, fill: int) -> None:
    for size in range(64):
        try:
            decode_packet(frame(linktype, bytes([fill]) * size))
        except DecodeError:
            continue


SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"


@pytest.mark.parametrize(
    ("linktype", "header"),
    [
        (6, b"\x10\x40" + bytes(6) + b"\x80" + bytes(5) + b"\x04\0\0\0" + SNAP),  # a source-routed frame
        (7, b"\x01\x02\xf0"),  # RFC 1051: no sequence number
        (7, b"\x01\x02\xd4\xff\0\0\xff\xff\0\x07"),  # RFC 1201: an exception frame
        (107, b"\x18\x41\x03\0\x80\0\0\0\x08\0"),  # padding, and SNAP
        (107, b"\x18\x41\x08\0"),  # Cisco's
        (107, b"\x18\x40\x40\x41\x03\xcc"),  # an address of four bytes
        (197, bytes(8) + b"\x82\0" + bytes(6) + bytes(8) + bytes(2) + bytes(12) + b"\x08\0"),  # an extension header
        (197, bytes(8) + b"\x16\0" + bytes(6)),  # bare IPv4
        (197, bytes(8) + b"\x01\0" + bytes(6) + b"\xff\x03\0\x21"),  # PPP on SONET
        (197, bytes(8) + b"\x01\0" + bytes(6) + b"\x0f\0\x08\0"),  # Cisco's framing
        (197, bytes(8) + b"\x05\0" + bytes(6) + bytes(4) + b"\xff\x03\0\x21"),  # in a channel
        (197, bytes(8) + b"\x04\0" + bytes(6) + bytes(4) + SNAP),  # AAL5
    ],
)
def test_variants(linktype: int, header: bytes) -> None:
    found = decode_packet(frame(linktype, header + PACKETS[0][0]))
    assert found is not None
    assert bytes(found.payload) == HELLO


@pytest.mark.parametrize(
    ("linktype", "data"),
    [(10, b"\x41" + bytes(60)), (123, b"\x01" + bytes(60)), (7, b"\x01\x02\x10" + bytes(60)), (197, bytes(60))],
)
def test_other_traffic_is_nothing(linktype: int, data: bytes) -> None:
    assert decode_packet(frame(linktype, data)) is None
