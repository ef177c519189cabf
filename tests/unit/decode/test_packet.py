from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP

from egret.decode.ip import Datagram, Fragment
from egret.decode.packet import Context, decode_packet
from egret.errors import Reason, Unsupported
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
