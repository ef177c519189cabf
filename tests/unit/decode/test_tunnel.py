from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (
    IPv6,
)
from scapy.layers.l2 import GRE
from scapy.layers.vxlan import VXLAN

from egret.decode.packet import decode_packet
from egret.errors import DecodeError
from egret.model import Endpoint
from tests.support.net import (
    CLIENT,
    CLIENT6,
    HELLO,
    assert_every_cut_is_read,
    decoded,
    ether,
    frame,
    ip,
    tcp,
    udp,
    udp6,
)
from tests.support.wraps import WRAPS, ethernet
from tests.support.wraps import udp as datagram

OUTER = IP(src="203.0.113.1", dst="203.0.113.2")
OUTER6 = IPv6(src="2001:db8:ffff::1", dst="2001:db8:ffff::2")
TUNNELS = {
    "ipip": OUTER / tcp(HELLO),
    "6in4": OUTER / udp6(HELLO),
    "4in6": OUTER6 / tcp(HELLO),
    "6in6": OUTER6 / udp6(HELLO),
    "gre": OUTER / GRE() / tcp(HELLO),
    "gre key seq sum": OUTER / GRE(key_present=1, seqnum_present=1, chksum_present=1) / tcp(HELLO),
    "gre ethernet": OUTER / GRE(proto=0x6558) / ether() / tcp(HELLO),
    "pptp": OUTER / (b"\x30\x81\x88\x0b\0\x40\0\x01\0\0\0\x01\0\0\0\x01\xff\x03\0\x21" + bytes(tcp(HELLO))),
    "erspan 1": OUTER / (b"\0\0\x88\xbe" + bytes(ether() / tcp(HELLO))),
    "erspan 2": OUTER / (b"\x10\0\x88\xbe\0\0\0\x01\x10\0\0\0\0\0\0\0" + bytes(ether() / tcp(HELLO))),
    "erspan 3": OUTER / (b"\x10\0\x22\xeb\0\0\0\x01\x20" + bytes(11) + bytes(ether() / tcp(HELLO))),
    "erspan 3 more": OUTER
    / (b"\x10\0\x22\xeb\0\0\0\x01\x20" + bytes(10) + b"\x01" + bytes(8) + bytes(ether() / tcp(HELLO))),
    "wccp 1": OUTER / (b"\0\0\x88\x3e" + bytes(tcp(HELLO))),
    "wccp 2": OUTER / (b"\0\0\x88\x3e\0\0\0\0" + bytes(tcp(HELLO))),
    "vxlan gpe nsh": OUTER
    / UDP(sport=9, dport=4790)
    / (b"\x0c\0\0\x04\0\0\x07\0\x0f\xc6\x01\x03" + bytes(20) + bytes(ether() / tcp(HELLO))),
    "tzsp": OUTER / UDP(sport=9, dport=37008) / (b"\x01\0\0\x01\0\x0a\x01\x05\x01" + bytes(ether() / tcp(HELLO))),
    "vxlan": OUTER / UDP(sport=9, dport=4789) / VXLAN(flags="Instance", vni=7) / ether() / tcp(HELLO),
    "vxlan gpe": OUTER / UDP(sport=9, dport=4790) / (b"\x0c\0\0\x01\0\0\x07\0" + bytes(tcp(HELLO))),
    "geneve": OUTER / UDP(sport=9, dport=6081) / (b"\x01\0\x65\x58\0\0\x07\0abcd" + bytes(ether() / tcp(HELLO))),
    "gtp-u": OUTER / UDP(sport=2152, dport=2152) / (b"\x30\xff\x00\x33\0\0\0\x01" + bytes(tcp(HELLO))),
    "gtp-u extended": OUTER
    / UDP(sport=2152, dport=2152)
    / (b"\x34\xff\x00\x3b\0\0\0\x01\0\0\0\x85\x01\x10\x09\0" + bytes(tcp(HELLO))),
    "teredo": OUTER / UDP(sport=3544, dport=9) / (b"\0\0" + bytes(6) + bytes(udp6(HELLO))),
    "teredo signed": OUTER / UDP(sport=3544, dport=9) / (b"\0\x01\0\0" + bytes(9) + bytes(udp6(HELLO))),
    "l2tp": OUTER / UDP(sport=1701, dport=1701) / (b"\x40\x02\x00\x40\0\x01\0\x01\xff\x03\0\x21" + bytes(tcp(HELLO))),
    "mpls in udp": OUTER / UDP(sport=9, dport=6635) / (b"\x00\x01\x01\x40" + bytes(tcp(HELLO))),
    "etherip": OUTER / (b"\x30\0" + bytes(ether() / tcp(HELLO))),
}
TUNNELS["etherip"].proto = 97
for name in ("pptp", "erspan 1", "erspan 2", "erspan 3", "erspan 3 more", "wccp 1", "wccp 2"):
    TUNNELS[name].proto = 47

WAYS = (
    *("GTP 0", "mobile IP", "AYIYA", "GUE", "GUE, no header", "L2TPv3 in UDP", "LWAPP", "GTP-U, Ethernet"),
    *("GRE, Aruba", "GRE, routes", "MikroTik in GRE", "CAPWAP, Ethernet", "CAPWAP, 802.11", "LISP", "GRE in UDP"),
)


@pytest.mark.parametrize("case", TUNNELS)
def test_tunnels(case: str) -> None:
    packet = decoded(ether() / TUNNELS[case])
    assert bytes(packet.payload) == HELLO
    assert packet.source in {Endpoint(ip(CLIENT), 40000), Endpoint(ip(CLIENT6), 40000)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("inner", [tcp(HELLO), udp6(HELLO)], ids=["IPv4", "IPv6"])
def test_ways(way: str, inner: Any) -> None:
    assert bytes(decoded(WRAPS[way].wrap(bytes(inner))).payload) == HELLO


@pytest.mark.parametrize("port", [434, 3386, 5072, 6080, 12222])
@pytest.mark.parametrize("fill", [0x00, 0x04, 0x10, 0x45, 0x60, 0xFF])
def test_any_bytes_on_a_tunnels_port(port: int, fill: int) -> None:
    for size in range(70):
        try:
            decode_packet(frame(ethernet(datagram(port, bytes([fill]) * size))))
        except DecodeError:
            continue


@pytest.mark.parametrize("port", [1701, 2152, 3544, 4789, 4790, 6081, 6635, 8472, 37008])
def test_ordinary_datagrams_on_a_tunnels_port_stay_themselves(port: int) -> None:
    packet = decoded(ether() / udp(b"\x12\x34\x01\x00\x00\x01 ordinary words", dport=port))
    assert packet.destination.port == port
    query = bytes.fromhex("0800000000010000000000000377777700000100010000000000000000")
    assert bytes(decoded(ether() / udp(query, sport=port)).payload) == query


@pytest.mark.parametrize("case", [(ether() / packet, 1) for packet in TUNNELS.values()])
def test_every_cut_is_a_packet_or_an_error(case: tuple[Any, int]) -> None:
    assert_every_cut_is_read(bytes(case[0]), case[1])


@pytest.mark.parametrize(
    ("protocol", "data"),
    [
        (47, b"\0\0\x08\0"),
        (47, b"\0\0\0\xfe" + bytes(30)),
        (47, b"\0\0\x89\x4f\0\x02\x01\x07" + bytes(30)),
        (115, bytes(40)),
    ],
    ids=["keepalive", "osi", "nsh", "l2tpv3"],
)
def test_nothing_that_is_read(protocol: int, data: bytes) -> None:
    assert decode_packet(frame(ether() / IP(src="203.0.113.1", dst="203.0.113.2", proto=protocol) / data)) is None


@pytest.mark.parametrize(
    ("port", "data"),
    [
        (1701, b"\xc8\x02" + bytes(10)),
        (1701, b"\x02\x02\0\x01\0\x01"),
        (2152, b"\x30\x01\0\x04" + bytes(20)),
        (2152, b"\x30\xff\0\x08" + bytes(12)),
        (37008, b"\x01\0\0\x63\x01" + bytes(20)),
        (37008, b"\x01\0\0\x01\0\0\0\0"),
        (4789, b"\x08" + bytes(10)),
    ],
)
def test_headers_that_carry_no_frame(port: int, data: bytes) -> None:
    assert bytes(decoded(ether() / udp(data, dport=port)).payload) == data


def test_l2tp_with_offset() -> None:
    data = b"\x02\x02\0\x01\0\x01\0\x02ab\0\x21" + bytes(tcp(HELLO))
    assert bytes(decoded(ether() / OUTER / UDP(sport=1701, dport=1701) / data).payload) == HELLO
