from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP

from egret.decode.ip import Datagram, Fragment
from egret.decode.packet import Context, decode_datagram, decode_packet
from egret.errors import DecodeError, Reason, Truncated, Unsupported
from egret.model import Endpoint, FlowKey, Transport
from tests.support.net import (
    CLIENT,
    CLIENT6,
    HELLO,
    SERVER,
    SERVER6,
    TIME_NS,
    decoded,
    ether,
    frame,
    ip,
    tcp,
    udp,
    udp6,
)


def test_tcp_over_ethernet() -> None:
    packet = decoded(ether() / tcp(HELLO, seq=4_294_967_295))
    assert packet.time_ns == TIME_NS
    assert packet.flow == FlowKey(Transport.TCP, Endpoint(ip(CLIENT), 40000), Endpoint(ip(SERVER), 443))
    assert bytes(packet.payload) == HELLO
    assert packet.wire_payload_length == len(HELLO)
    assert packet.seq == 4_294_967_295
    assert packet.flags == 0x18


def test_udp_over_ipv6() -> None:
    packet = decoded(ether() / udp6(HELLO))
    assert packet.source == Endpoint(ip(CLIENT6), 40000)
    assert packet.destination == Endpoint(ip(SERVER6), 53)
    assert (packet.transport, bytes(packet.payload), packet.seq, packet.flags) == (Transport.UDP, HELLO, 0, 0)


def test_nesting_has_one_budget() -> None:
    packet = tcp(HELLO)
    for _ in range(30):
        packet = IP(src="203.0.113.1", dst="203.0.113.2") / packet
    with pytest.raises(Unsupported) as error:
        decode_packet(frame(ether() / packet))
    assert error.value.reason is Reason.TOO_DEEP


def test_snap_length_keeps_what_is_there() -> None:
    packet = decoded(ether() / tcp(HELLO), cut=4)
    assert bytes(packet.payload) == HELLO[:-4]
    assert packet.wire_payload_length == len(HELLO)
    assert bytes(decoded(ether() / udp(HELLO), cut=4).payload) == HELLO[:-4]


@pytest.mark.parametrize(
    "packet",
    [
        ether() / ARP(),
        ether() / IP(proto=1) / b"12345678",
        bytes(ether())[:12] + b"\x00\x08\x42\x42\x03" + bytes(8),
        bytes(ether())[:12] + b"\x12\x34" + bytes(60),
    ],
)
def test_what_carries_no_name_is_none(packet: Any) -> None:
    assert decode_packet(frame(packet)) is None


def test_fragments_without_a_reassembler() -> None:
    first, second = (
        (ether() / IP(src=CLIENT, dst=SERVER, flags="MF") / UDP(sport=1, dport=2, len=400) / HELLO),
        (ether() / IP(src=CLIENT, dst=SERVER, frag=9, proto=17) / b"rest"),
    )
    assert bytes(decoded(first).payload) == HELLO
    assert decode_packet(frame(second)) is None


def test_a_reassembler_is_asked() -> None:
    asked = []
    packet = ether() / IP(src=CLIENT, dst=SERVER, flags="MF") / UDP(sport=1, dport=2, len=400) / HELLO

    def reassemble(datagram: Datagram, context: Context) -> None:
        asked.append((datagram.fragment, context.time_ns))

    assert decode_packet(frame(packet), reassemble) is None
    assert asked[0][0] == Fragment(4, 1, 0, more=True)
    assert asked[0][1] == TIME_NS


def test_an_unknown_link_type_is_an_error_an_unknown_ethertype_is_not() -> None:
    with pytest.raises(Unsupported) as error:
        decode_packet(frame(b"x", 147))
    assert error.value.reason is Reason.UNKNOWN_LINKTYPE
    assert decode_packet(frame(bytes(ether())[:12] + b"\x12\x34" + bytes(60))) is None


def test_tunnels_are_entered_and_other_protocols_are_not() -> None:
    outer = IP(src="203.0.113.1", dst="203.0.113.2")
    assert bytes(decoded(ether() / outer / tcp(HELLO)).payload) == HELLO
    in_udp = b"\x08\0\0\0\0\0\x07\0" + bytes(ether() / tcp(HELLO))
    assert bytes(decoded(ether() / outer / UDP(sport=9, dport=4789) / in_udp).payload) == HELLO
    assert bytes(decoded(ether() / udp(HELLO, dport=4789)).payload) == HELLO
    assert bytes(decoded(ether() / udp(in_udp, sport=53, dport=4789)).payload) == in_udp


@pytest.mark.parametrize("linktype", [1, 101])
@pytest.mark.parametrize(
    ("transport", "reason"),
    [
        (TCP(dataofs=4), Reason.BAD_LENGTH),
        (TCP(dataofs=15), Reason.BAD_LENGTH),
        (UDP(len=7), Reason.BAD_LENGTH),
        (b"short", Reason.TRUNCATED),
    ],
)
def test_transport_headers_that_contradict_themselves(linktype: int, transport: Any, reason: Reason) -> None:
    for protocol in (6, 17):
        data = IP(src=CLIENT, dst=SERVER, proto=protocol) / transport
        if isinstance(transport, bytes) or transport.overload_fields[IP]["proto"] == protocol:
            with pytest.raises(DecodeError) as error:
                decode_packet(frame(ether() / data if linktype == 1 else data, linktype))
            assert error.value.reason is reason


@pytest.mark.parametrize("length", [0, 500])
def test_udp_lengths_that_say_nothing(length: int) -> None:
    packet = decoded(ether() / IP(src=CLIENT, dst=SERVER) / UDP(sport=1, dport=2, len=length) / HELLO)
    assert bytes(packet.payload) == HELLO
    assert packet.wire_payload_length == len(HELLO)


def test_datagrams_put_together_are_opened_as_well() -> None:
    context = Context(TIME_NS, "eth0")
    inner = bytes(tcp(HELLO))
    tunnel = Datagram(ip(CLIENT), ip(SERVER), 4, memoryview(inner), len(inner))
    packet = decode_datagram(tunnel, context)
    assert packet is not None
    assert (bytes(packet.payload), packet.interface) == (HELLO, "eth0")
    assert decode_datagram(tunnel._replace(protocol=1), context) is None
    found = decode_datagram(tunnel._replace(protocol=6, payload=memoryview(inner)[20:]), context)
    assert found is not None
    assert bytes(found.payload) == HELLO


def test_what_a_reassembler_gives_is_used() -> None:
    first = ether() / IP(src=CLIENT, dst=SERVER, flags="MF") / UDP(sport=1, dport=2) / HELLO
    packet = decode_packet(frame(first), lambda datagram, _: datagram)
    assert packet is not None
    assert bytes(packet.payload) == HELLO


def test_ipv6_without_a_length_takes_the_general_path() -> None:
    data = ether() / IPv6(src=CLIENT6, dst=SERVER6, plen=0, nh=6) / TCP(sport=1, dport=2) / HELLO
    assert bytes(decoded(data).payload) == HELLO


def test_udp_lite() -> None:
    wire = bytes(udp(HELLO))
    lite = wire[:9] + b"\x88" + wire[10:24] + b"\0\x08" + wire[26:]
    assert bytes(decoded(lite, 101).payload) == HELLO
    with pytest.raises(Truncated):
        decode_packet(frame(lite[:24], 101))
