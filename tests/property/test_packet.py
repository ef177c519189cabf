"""Frames: total on any bytes, the straight path equal to the general walk, and to scapy's own reading."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import GRE, Dot1Q
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet as ScapyPacket

from egret.decode import packet as decoder
from egret.decode.layer import Layer, Space
from egret.decode.packet import Context, Packet, decode_packet
from egret.errors import DecodeError
from egret.model import Frame
from egret.track.fragments import Reassembler
from tests.support.net import CLIENT, CLIENT6, SERVER, SERVER6, TIME_NS, ether, frame, ip

payloads = st.binary(max_size=40)
ports = st.sampled_from([1, 53, 443, 1701, 2152, 3544, 4789, 6081, 40000])


@st.composite
def transports(draw: st.DrawFn) -> ScapyPacket:
    if draw(st.booleans()):
        options = [("NOP", None)] * draw(st.integers(0, 8))
        return TCP(sport=draw(ports), dport=draw(ports), seq=draw(st.integers(0, 2**32 - 1)), options=options)
    return UDP(sport=draw(ports), dport=draw(ports))


@st.composite
def datagrams(draw: st.DrawFn) -> ScapyPacket:
    if draw(st.booleans()):
        return IP(src=CLIENT, dst=SERVER) / draw(transports()) / draw(payloads)
    header = IPv6(src=CLIENT6, dst=SERVER6)
    for extension in draw(st.lists(st.sampled_from([IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop]), max_size=2)):
        header /= extension()
    return header / draw(transports()) / draw(payloads)


WRAPS = [
    lambda inner: inner,
    lambda inner: Dot1Q(vlan=7) / inner,
    lambda inner: IP(src="203.0.113.1", dst="203.0.113.2") / inner,
    lambda inner: IPv6(src="2001:db8::8", dst="2001:db8::9") / inner,
    lambda inner: IP(src="203.0.113.1", dst="203.0.113.2") / GRE() / inner,
    lambda inner: (
        IP(src="203.0.113.1", dst="203.0.113.2") / UDP(sport=9, dport=4789) / VXLAN(flags="Instance") / ether() / inner
    ),
]


@st.composite
def wrapped(draw: st.DrawFn) -> tuple[bytes, ScapyPacket]:
    """A frame, and the datagram that was wrapped into it."""
    inner = outer = draw(datagrams())
    for wrap in draw(st.lists(st.sampled_from(WRAPS[2:]), max_size=2)):
        outer = wrap(outer)
    return bytes(ether() / draw(st.sampled_from(WRAPS[:2]))(outer)), inner


frames = wrapped().map(lambda pair: pair[0])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(frames))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))]) + draw(st.binary(max_size=8))


def walked(captured: Frame) -> Packet | None:
    context = Context(captured.time_ns, captured.interface, max(0, captured.wire_length - len(captured.data)))
    return decoder._walk(Layer(Space.LINKTYPE, captured.linktype, captured.data), context, None)


@given(data=mutated(), missing=st.integers(0, 9))
def test_the_straight_path_equals_the_walk(data: bytes, missing: int) -> None:
    captured = Frame(TIME_NS, 1, memoryview(data), len(data) + missing, "eth0")
    straight = decoder._ordinary(captured)
    if straight is not None:
        assert straight == walked(captured)
        assert isinstance(straight, Packet)


@given(case=wrapped())
def test_what_scapy_wrapped_is_read_back(case: tuple[bytes, ScapyPacket]) -> None:
    data, inner = case
    packet = decode_packet(frame(data))
    assert packet is not None
    assert (packet.source.ip, packet.source.port) == (ip(inner.src), inner.sport)
    assert (packet.destination.ip, packet.destination.port) == (ip(inner.dst), inner.dport)
    transport = inner[TCP] if TCP in inner else inner[UDP]
    assert bytes(packet.payload) == bytes(transport.payload)
    if TCP in inner:
        assert (packet.seq, packet.flags) == (transport.seq, int(transport.flags))


@pytest.mark.parametrize("linktype", sorted(decoder._TABLES[Space.LINKTYPE]))
@settings(max_examples=60)
@given(data=st.one_of(mutated(), mutated().map(lambda data: data[14:]), st.binary(max_size=80)))
def test_total_on_any_bytes(linktype: int, data: bytes) -> None:
    reassembler = Reassembler()
    for _ in range(2):
        try:
            packet = decode_packet(frame(data, linktype), reassembler.add)
        except DecodeError:
            continue
        if packet is not None:
            assert len(packet.payload) <= packet.wire_payload_length or packet.wire_payload_length == 0
    list(reassembler.last_words())


@given(data=frames, cut=st.integers(1, 200))
def test_a_cut_never_changes_what_is_there(data: bytes, cut: int) -> None:
    whole = decode_packet(frame(data))
    assert whole is not None
    try:
        packet = decode_packet(frame(data, cut=min(cut, len(data))))
    except DecodeError:
        return
    if packet is not None and packet.source == whole.source and packet.destination == whole.destination:
        assert bytes(whole.payload).startswith(bytes(packet.payload))
