"""Tunnels straight on IP that tunnels of other layers do not reach; the rest is in test_tunnel."""

from __future__ import annotations

import struct

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6

from egret.decode.ip_tunnels import IP_PROTOCOLS
from egret.decode.packet import Beside, decode_packet
from egret.errors import DecodeError
from tests.support.net import CLIENT, HELLO, decoded, ether, frame, ip, tcp, udp, udp6
from tests.support.wraps import WRAPS, esp, ethernet, ip4

OUTER = IP(src="203.0.113.1", dst="203.0.113.2")
LOOKUP = b"twelve bytes of a message"
WAYS = ("minimal encapsulation", "ESP without encryption", "Ethernet in IP", "IP in IP, KA9Q", "L2TPv3", "EtherIP")


@pytest.mark.parametrize("way", WAYS)
def test_tunnels(way: str) -> None:
    found = decoded(WRAPS[way].wrap(bytes(tcp(HELLO))))
    assert (bytes(found.payload), found.source.ip) == (HELLO, ip(CLIENT))


def test_an_error_quotes_a_look_up() -> None:
    for error in (OUTER / ICMP(type=3, code=3) / udp(LOOKUP), IPv6() / ICMPv6DestUnreach() / udp6(LOOKUP)):
        beside: list[Beside] = []
        assert decode_packet(frame(ether() / error), None, beside) is None
        assert [(bytes(each.packet.payload), each.quoted) for each in beside if each.packet] == [(LOOKUP, True)]
        assert decode_packet(frame(ether() / error)) is None
    for other in (ICMP(type=3) / tcp(HELLO), ICMP(type=8) / udp(LOOKUP), ICMP(type=3) / bytes(udp(LOOKUP))[:30]):
        assert decode_packet(frame(ether() / OUTER / other), None, beside := []) is None
        assert not beside


def test_minimal_encapsulation_without_a_source() -> None:
    packet = bytes(tcp(HELLO))
    found = decoded(ether() / IP(dst="203.0.113.2", proto=55) / (b"\6\0\0\0" + packet[16:20] + packet[20:]))
    assert (bytes(found.payload), found.source.ip) == (HELLO, bytes(4))


@pytest.mark.parametrize("check", [0, 8, 12, 16, 24, 32])
def test_esp_of_any_check_length(check: int) -> None:
    wire = esp(bytes(udp6(HELLO)))[:-12] + bytes([0xEE]) * check
    assert bytes(decoded(ether() / IP(proto=50) / wire).payload) == HELLO


def test_encrypted_esp_is_nothing() -> None:
    secret = bytes(range(7, 207))
    assert decode_packet(frame(ether() / IP(proto=50) / secret)) is None


@pytest.mark.parametrize("cookie", [0, 4, 8, 12])
def test_l2tp_3(cookie: int) -> None:
    for inner in (ethernet(bytes(tcp(HELLO))), bytes(tcp(HELLO))):
        wire = struct.pack("!I", 7) + bytes(cookie) + inner
        assert bytes(decoded(ether() / IP(proto=115) / wire).payload) == HELLO
    assert decode_packet(frame(ether() / IP(proto=115) / (bytes(4) + bytes(60)))) is None


def test_a_registered_datagram() -> None:
    found = decoded(ether() / IP(proto=103) / (b"\x21" + bytes(7) + bytes(udp(HELLO))))
    assert bytes(found.payload) == HELLO


@pytest.mark.parametrize("protocol", sorted(IP_PROTOCOLS))
@pytest.mark.parametrize("fill", [0, 1, 3, 0x21, 0x45, 0x60, 0xFF])
def test_any_bytes(protocol: int, fill: int) -> None:
    for size in range(70):
        try:
            decode_packet(frame(ethernet(ip4(protocol, bytes([fill]) * size))))
        except DecodeError:
            continue
