"""Frames to prove the kernel filters on: each with whether the classic one must pass it, and why."""

from __future__ import annotations

from typing import NamedTuple

from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Packet, Raw

HELLO = b"\x16\x03\x01\x06\xb4\x01\x00\x06\xb0\x03\x03" + bytes(1437)
_CLIENT, _SERVER = 40000, 443


class Case(NamedTuple):
    name: str
    packet: Packet  # IP and up
    passes: bool


def _v4(layers: Packet) -> Packet:
    return IP(src="192.0.2.2", dst="198.51.100.1") / layers


def _v6(layers: Packet) -> Packet:
    return IPv6(src="2001:db8::2", dst="2001:db8:1::1") / layers


def _tcp(payload: bytes, *, up: bool = True, flags: str = "A", port: int = _SERVER, options: bool = False) -> Packet:
    source, destination = (_CLIENT, port) if up else (port, _CLIENT)
    extra = [("Timestamp", (1, 2)), ("NOP", None), ("NOP", None)] if options else []
    return TCP(sport=source, dport=destination, flags=flags, options=extra, seq=7, ack=9) / Raw(payload)


def _udp(payload: bytes, port: int = 443) -> Packet:
    return UDP(sport=_CLIENT, dport=port) / Raw(payload)


def _long_header(version: int, first: int = 0xC3) -> bytes:
    return bytes([first]) + version.to_bytes(4) + b"\x08" + bytes(1194)


def _transport_cases() -> list[Case]:
    question = bytes(DNS(qd=DNSQR(qname="chat.qwen.ai")))
    return [
        Case("SYN", _tcp(b"", flags="S", options=True), True),
        Case("SYN-ACK", _tcp(b"", up=False, flags="SA"), True),
        Case("FIN", _tcp(b"", up=False, flags="FA"), True),
        Case("RST", _tcp(b"", up=False, flags="R"), True),
        Case("ACK", _tcp(b"", options=True), False),
        Case("ACK of the server", _tcp(b"", up=False), False),
        Case("hello", _tcp(HELLO), True),
        Case("hello behind TCP options", _tcp(HELLO, options=True), True),
        Case("hello to a port above the client's", _tcp(HELLO, port=50000), True),
        Case("second segment", _tcp(bytes(400), flags="PA"), True),
        Case("middle segment", _tcp(bytes(1400)), True),
        Case("segment of one byte", _tcp(b"\x16"), True),
        Case("segment of three bytes", _tcp(b"GET"), True),
        Case("second segment on another port", _tcp(bytes(400), port=8443), True),
        Case("second segment to a port above the client's", _tcp(bytes(400), port=50000), False),
        Case("server hello", _tcp(HELLO, up=False), True),
        Case("download", _tcp(b"\x17\x03\x03" + bytes(1397), up=False), False),
        Case("download of two bytes", _tcp(b"ab", up=False), False),
        Case("HTTP request", _tcp(b"GET / HTTP/1.1\r\nHost: x.example\r\n\r\n", port=80), True),
        Case("HTTP request to a port above the client's", _tcp(b"POST / HTTP/1.1\r\n", port=50000), True),
        Case("HTTP/2 preface", _tcp(b"PRI * HTTP/2.0\r\n", port=50000), True),
        Case("CONNECT", _tcp(b"CONNECT x.example:443 HTTP/1.1\r\n", port=50000), True),
        Case("answer to CONNECT", _tcp(b"HTTP/1.1 200 Connection established\r\n\r\n", up=False, port=3128), True),
        Case("DNS over TCP", _tcp(b"\x00\x1e" + question, port=53), True),
        Case("DNS answer over TCP", _tcp(b"\x00\x1e" + question, up=False, port=53), True),
        Case("DNS question", _udp(question, 53), True),
        Case("DNS answer", UDP(sport=53, dport=_CLIENT) / Raw(question), True),
        Case("mDNS", UDP(sport=5353, dport=5353) / Raw(question), False),
        Case("QUIC version 1", _udp(_long_header(1)), True),
        Case("QUIC version 2", _udp(_long_header(0x6B3343CF)), True),
        Case("QUIC draft 29", _udp(_long_header(0xFF00001D)), True),
        Case("QUIC of mvfst", _udp(_long_header(0xFACEB002)), True),
        Case("QUIC on another port", _udp(_long_header(1), 8443), True),
        Case("QUIC short header", _udp(b"\x43" + bytes(1199)), False),
        Case("QUIC of Google's, sealed", _udp(_long_header(0x54303531)), True),
        Case("QUIC of Google's, in the clear", _udp(b"\x09googleidQ043\x01" + bytes(300)), True),
        Case("QUIC of Google's, long header", _udp(b"\xc3Q046\x50googleid" + bytes(300)), True),
        Case("QUIC without its fixed bit", _udp(_long_header(1, 0x83)), True),
        Case("QUIC of an unknown version", _udp(_long_header(0x12345678)), True),
        Case("too short for one", _udp(_long_header(0x12345678)[:1199]), False),
        Case("something like QUIC", _udp(_long_header(0x12345678, 0x83)), False),
        Case("a connection id too long", _udp(b"\xc3abcd\x15" + bytes(1300)), False),
        Case("something like Google's", _udp(b"\x09googleidR043\x01" + bytes(300)), False),
        Case("RTP", _udp(b"\x80\x60" + bytes(160)), False),
        Case("DTLS hello", _udp(b"\x16\xfe\xfd" + bytes(200)), True),
        Case("DTLS of old OpenSSL", _udp(b"\x16\x01\x00" + bytes(200)), True),
        Case("DTLS in CAPWAP", _udp(b"\x01\x00\x00\x00\x16\xfe\xfd" + bytes(200)), True),
        Case("WireGuard", _udp(b"\x01\x00\x00\x00" + bytes(144)), False),
        Case("TLS over UDP", _udp(b"\x16\x03\x01" + bytes(200)), False),
        Case("UDP without payload", _udp(b""), False),
    ]


def _more_cases() -> list[Case]:
    hello = _tcp(HELLO)
    fragment = IP(src="192.0.2.2", dst="192.0.2.1", proto=17, frag=100) / Raw(bytes(100))
    first = IP(src="192.0.2.2", dst="192.0.2.1", proto=17, flags="MF") / Raw(bytes(104))
    chain = IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt()
    return [
        Case("ICMP", _v4(ICMP() / Raw(HELLO)), False),
        Case("later fragment", fragment, True),
        Case("first fragment", first, True),
        Case("fragment of ICMP", IP(src="192.0.2.2", dst="192.0.2.1", proto=1, frag=100) / Raw(bytes(99)), False),
        Case("don't fragment is no fragment", IP(src="192.0.2.2", dst="192.0.2.1", flags="DF") / _tcp(b""), False),
        Case("IPv4 options", IP(src="192.0.2.2", dst="192.0.2.1", options=[b"\x01"] * 40) / hello, True),
        Case("ACK behind IPv4 options", IP(src="192.0.2.2", dst="192.0.2.1", options=[b"\x01"] * 8) / _tcp(b""), False),
        Case("extension headers", _v6(chain / hello), True),
        Case("ACK behind extension headers", _v6(chain / _tcp(b"")), False),
        Case("IPv6 fragment", _v6(IPv6ExtHdrFragment(offset=50, nh=6) / Raw(bytes(100))), True),
        Case(
            "IPv6 fragment behind an extension", _v6(IPv6ExtHdrHopByHop() / IPv6ExtHdrFragment(nh=17) / Raw(b"x")), True
        ),
        Case("five extension headers", _v6(IPv6ExtHdrHopByHop() / chain / IPv6ExtHdrDestOpt() / _tcp(b"")), True),
        Case("ICMPv6", IPv6(src="2001:db8::2", dst="2001:db8:1::1", nh=58) / Raw(HELLO), False),
    ]


CASES = [
    *(Case(f"{case.name}, IPv4", _v4(case.packet), case.passes) for case in _transport_cases()),
    *(Case(f"{case.name}, IPv6", _v6(case.packet), case.passes) for case in _transport_cases()),
    *_more_cases(),
]
NOT_IP = [bytes(Ether(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:02") / ARP()), bytes(14) + HELLO]
_TAGS = (None, Dot1Q(vlan=7), Dot1AD(vlan=7) / Dot1Q(vlan=8))
PPPOE = 3  # as *tags*: behind one tag and a PPPoE session header


def ethernet(packet: Packet, tags: int) -> bytes:
    """The packet behind an Ethernet header with so many tags in it."""
    header = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
    if tags == PPPOE:
        return bytes(header / Dot1Q(vlan=7) / PPPoE(sessionid=1) / PPP() / packet)
    tag = _TAGS[tags]
    return bytes(header / tag / packet if tag is not None else header / packet)
