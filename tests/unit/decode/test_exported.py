"""Exported PDUs: by dissector, by heuristic, by table; with and without what they went over."""

from __future__ import annotations

import struct

import pytest

from egret.decode.packet import decode_packet
from egret.errors import DecodeError, Truncated
from egret.model import Frame, Transport
from tests.support.net import CLIENT, CLIENT6, HELLO, SERVER, SERVER6, ether, ip, tcp
from tests.support.wraps import tag

BETWEEN = tag(20, ip(CLIENT)) + tag(21, ip(SERVER))
END = bytes(4)


def number(kind: int, value: int) -> bytes:
    return tag(kind, struct.pack("!I", value))


def frame(data: bytes) -> Frame:
    return Frame(1, 252, memoryview(data), len(data))


@pytest.mark.parametrize(
    ("name", "transport", "port"),
    [
        (tag(12, b"dns\0"), Transport.UDP, 53),
        (tag(12, b"tls\0"), Transport.TCP, 443),
        (tag(12, b"http"), Transport.TCP, 80),
        (tag(13, b"tls_tcp\0"), Transport.TCP, 443),
        (tag(13, b"quic"), Transport.UDP, 443),
        (tag(12, b"dns\0") + number(24, 2), Transport.TCP, 53),
        (tag(14, b"udp.port") + number(32, 5300) + number(24, 3), Transport.UDP, 5300),
        (tag(12, b"dtls") + number(24, 3) + number(26, 4433), Transport.UDP, 4433),
    ],
)
def test_what_it_is_called(name: bytes, transport: Transport, port: int) -> None:
    found = decode_packet(frame(name + BETWEEN + number(25, 40000) + END + HELLO))
    assert found is not None
    assert (found.transport, found.source, found.destination.port) == (transport, (ip(CLIENT), 40000), port)
    assert (bytes(found.payload), found.wire_payload_length) == (HELLO, len(HELLO))


def test_both_versions_of_ip() -> None:
    between = tag(22, ip(CLIENT6)) + tag(23, ip(SERVER6))
    found = decode_packet(frame(tag(12, b"dns\0") + between + END + HELLO))
    assert found is not None
    assert (found.source.ip, found.destination.ip) == (ip(CLIENT6), ip(SERVER6))


def test_segments_stay_in_order() -> None:
    told = tag(12, b"http") + BETWEEN + tag(34, struct.pack("!HI", 1, 4711) + bytes(13))
    counted = tag(12, b"http") + BETWEEN + number(30, 3)
    positions = [decode_packet(frame(head + END + HELLO)) for head in (told, counted)]
    assert [packet.seq for packet in positions if packet] == [4711, 3 << 16]


def test_frames_and_datagrams() -> None:
    packet = bytes(tcp(HELLO))
    for name, data in ((b"eth_withoutfcs", bytes(ether() / tcp(HELLO))), (b"ip", packet), (b"tcp", packet[20:])):
        found = decode_packet(frame(tag(12, name) + BETWEEN + END + data))
        assert found is not None
        assert (bytes(found.payload), found.source) == (HELLO, (ip(CLIENT), 40000))


def test_without_addresses_and_beyond_the_length_of_a_datagram() -> None:
    found = decode_packet(frame(tag(12, b"dns") + END + bytes(70_000)))
    assert found is not None
    assert (found.source.ip, len(found.payload)) == (bytes(4), 70_000)


@pytest.mark.parametrize("name", [b"sip", b"data", b"", b"diameter"])
def test_what_carries_no_names_of_ours(name: bytes) -> None:
    assert decode_packet(frame(tag(12, name) + BETWEEN + number(24, 2) + END + HELLO)) is None


@pytest.mark.parametrize("data", [b"", b"\0\x0c\0\x40dns", b"\0\x0c\xff\xff" + bytes(30)])
def test_tags_that_are_cut(data: bytes) -> None:
    with pytest.raises(Truncated):
        decode_packet(frame(data))


def test_every_cut_is_a_packet_or_an_error() -> None:
    whole = tag(12, b"dns\0") + BETWEEN + number(25, 7) + END + HELLO
    for size in range(len(whole)):
        try:
            decode_packet(frame(whole[:size]))
        except DecodeError:
            continue
