"""Ways to the transport: link types, tags and tunnels around an IP packet; each is one function."""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple

OUTER = ("203.0.113.1", "203.0.113.2")
OUTER6 = ("2001:db8:2::1", "2001:db8:2::2")
_MACS = bytes.fromhex("020000000001020000000002")


class Wrap(NamedTuple):
    """A link type of the pcap registry, and how it carries an IP packet."""

    linktype: int
    wrap: Callable[[bytes], bytes]
    live: bool = False  # a live capture may have it: Ethernet, or no header at all


def ethertype(packet: bytes) -> int:
    return 0x0800 if packet[0] >> 4 == 4 else 0x86DD


def tagged(packet: bytes) -> bytes:
    """The packet behind its EtherType."""
    return struct.pack("!H", ethertype(packet)) + packet


def ethernet(packet: bytes) -> bytes:
    return _MACS + tagged(packet)


def ip4(protocol: int, body: bytes, options: bytes = b"") -> bytes:
    source, destination = (ip_address(one).packed for one in OUTER)
    size = 20 + len(options)
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x40 | size // 4, 0, size + len(body), 1, 0, 64, protocol, 0, source, destination
    )
    return head + options + body


def ip6(protocol: int, body: bytes) -> bytes:
    source, destination = (ip_address(one).packed for one in OUTER6)
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), protocol, 64, source, destination) + body


def udp(port: int, body: bytes, source: int = 50000) -> bytes:
    return ip4(17, struct.pack("!HHHH", source, port, 8 + len(body), 0) + body)


def ppp(packet: bytes) -> bytes:
    return (b"\x00\x21" if packet[0] >> 4 == 4 else b"\x00\x57") + packet


def snap(packet: bytes) -> bytes:
    return b"\xaa\xaa\x03\0\0\0" + tagged(packet)


def ether(body: Callable[[bytes], bytes]) -> Wrap:
    """A tunnel inside IP on Ethernet."""
    return Wrap(1, lambda packet: ethernet(body(packet)), live=True)


def typed(number: int, body: Callable[[bytes], bytes]) -> Wrap:
    """Something with an EtherType of its own."""
    return Wrap(1, lambda packet: _MACS + struct.pack("!H", number) + body(packet), live=True)


def extended(packet: bytes, chain: tuple[int, ...]) -> bytes:
    """Put IPv6 extension headers of these types between the header and what follows."""
    if packet[0] >> 4 == 4:
        return packet
    body, following = packet[40:], packet[6]
    for kind in reversed(chain):
        header = bytes([following, 4]) + bytes(22) if kind == 51 else bytes([following, 0]) + b"\x01\x04\0\0\0\0"
        body, following = header + body, kind
    return packet[:4] + struct.pack("!HB", len(body), following) + packet[7:40] + body


def optioned(packet: bytes) -> bytes:
    if packet[0] != 0x45:
        return packet
    total = struct.pack("!H", len(packet) + 40)
    return b"\x4f" + packet[1:2] + total + packet[4:20] + b"\x01" * 40 + packet[20:]


def wlan(packet: bytes, *, qos: bool = False) -> bytes:
    control = b"\x88\x01" if qos else b"\x08\x01"
    return control + bytes(2) + _MACS + _MACS[:6] + bytes(2) + (bytes(2) if qos else b"") + snap(packet)


def pppoe(packet: bytes) -> bytes:
    body = ppp(packet)
    return struct.pack("!BBHH", 0x11, 0, 1, len(body)) + body


def sll(packet: bytes) -> bytes:
    return struct.pack("!HHH8s", 0, 1, 6, bytes(8)) + tagged(packet)


def sll2(packet: bytes) -> bytes:
    return struct.pack("!HHIHBB8s", ethertype(packet), 0, 1, 1, 0, 6, bytes(8)) + packet


def nflog(packet: bytes) -> bytes:
    family = 2 if packet[0] >> 4 == 4 else 10
    attribute = struct.pack("<HH", 8, 10) + b"pre\0"
    return (
        bytes([family, 0])
        + bytes(2)
        + attribute
        + struct.pack("<HH", 4 + len(packet), 9)
        + packet
        + bytes(-len(packet) % 4)
    )


def pktap(packet: bytes) -> bytes:
    return struct.pack("<III", 108, 1, 1) + bytes(96) + ethernet(packet)


def erf(packet: bytes) -> bytes:
    """Endace's record header in a pcap record; Ethernet behind two bytes of padding."""
    body = bytes(2) + ethernet(packet)
    return bytes(8) + struct.pack("!BBHHH", 2, 0, 16 + len(body), 0, len(body) - 2) + body


def null(packet: bytes, order: str = "<", v6: int = 30) -> bytes:
    return struct.pack(order + "I", 2 if packet[0] >> 4 == 4 else v6) + packet


def nlpid(packet: bytes) -> bytes:
    return b"\xcc" + packet if packet[0] >> 4 == 4 else b"\x8e" + packet


def gre(flags: int, number: int, optional: bytes, inner: bytes) -> bytes:
    return ip4(47, struct.pack("!HH", flags, number) + optional + inner)


def mpls(*labels: int) -> bytes:
    """A stack; the last has the bottom bit."""
    return b"".join(struct.pack("!I", label << 12 | (i == len(labels) - 1) << 8 | 64) for i, label in enumerate(labels))


def geneve(packet: bytes) -> bytes:
    return udp(6081, struct.pack("!BBHI", 2, 0, 0x6558, 7 << 8) + b"\x01\x02\x03\x01\0\0\0\0" + ethernet(packet))


def gtp(packet: bytes, *, extension: bool = False) -> bytes:
    optional = b"\0\0\0\x85\x01\0\x09\0" if extension else b""
    return udp(
        2152,
        struct.pack("!BBHI", 0x34 if extension else 0x30, 0xFF, len(optional) + len(packet), 7) + optional + packet,
        2152,
    )


def checked(packet: bytes) -> bytes:
    """With the checksum that an IPv4 header has on the wire."""
    if packet[0] >> 4 != 4:
        return packet
    size = (packet[0] & 15) * 4
    total = sum(int.from_bytes(packet[at : at + 2], "big") for at in range(0, size, 2) if at != 10)
    total = (total & 0xFFFF) + (total >> 16)
    return packet[:10] + struct.pack("!H", 0xFFFF - (total & 0xFFFF) - (total >> 16)) + packet[12:]


def tag(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value


def _between(packet: bytes) -> tuple[bytes, int, bytes]:
    """Tags of the two addresses, the protocol, and what IP carries."""
    if packet[0] >> 4 == 6:
        return tag(22, packet[8:24]) + tag(23, packet[24:40]), packet[6], packet[40:]
    return tag(20, packet[12:16]) + tag(21, packet[16:20]), packet[9], packet[20:]


def exported(packet: bytes) -> bytes:
    """As Wireshark exports what a port's dissector got."""
    addresses, protocol, body = _between(packet)
    ports = struct.unpack("!HH", body[:4])
    kind, size, name = (3, 8, b"udp.port") if protocol == 17 else (2, (body[12] >> 4) * 4, b"tcp.port")
    tags = tag(14, name) + addresses + tag(24, struct.pack("!I", kind))
    tags += tag(25, struct.pack("!I", ports[0])) + tag(26, struct.pack("!I", ports[1]))
    if protocol == 6:
        tags += tag(34, b"\0\x01" + body[4:8] + bytes(13))
    return tags + bytes(4) + body[size:]


def exported_transport(packet: bytes) -> bytes:
    addresses, protocol, body = _between(packet)
    return tag(12, b"udp\0" if protocol == 17 else b"tcp\0") + addresses + bytes(4) + body


def minimal(packet: bytes) -> bytes:
    """RFC 2004 is of IPv4 without options only."""
    if packet[0] != 0x45:
        return ip4(41, packet)
    return ip4(55, struct.pack("!BBH", packet[9], 0x80, 0) + packet[16:20] + packet[12:16] + packet[20:])


def esp(packet: bytes) -> bytes:
    padding = -(len(packet) + 2) % 4
    trailer = bytes(range(1, padding + 1)) + bytes([padding, 4 if packet[0] >> 4 == 4 else 41])
    return bytes(4) + b"\0\0\0\1" + packet + trailer + b"\xee" * 12


def sampled(packet: bytes) -> bytes:
    """A report of sFlow with one frame."""
    body = ethernet(packet)
    record = struct.pack("!4I", 1, len(body), 0, len(body)) + body + bytes(-len(body) % 4)
    sample = bytes(28) + struct.pack("!3I", 1, 1, len(record)) + record
    return struct.pack("!7I", 5, 1, 0, 0, 0, 0, 1) + struct.pack("!2I", 1, len(sample)) + sample


def multiplexed(frame: bytes) -> bytes:
    return struct.pack("!H", 0xC000 | len(frame)) + frame


def stuffed(frame: bytes) -> bytes:
    inside = b"".join(bytes([0x7D, byte ^ 0x20]) if byte in b"\x7d\x7e" else bytes([byte]) for byte in frame + b"\1\2")
    return b"~" + inside + b"~"


WRAPS: dict[str, Wrap] = {
    "Ethernet": Wrap(1, ethernet, live=True),
    "Ethernet, padded": Wrap(1, lambda p: ethernet(p) + bytes(6), live=True),
    "VLAN": typed(0x8100, lambda p: b"\0\x07" + tagged(p)),
    "QinQ": typed(0x88A8, lambda p: b"\0\x07\x81\0\0\x08" + tagged(p)),
    "three VLAN tags": typed(0x88A8, lambda p: b"\0\x07\x81\0\0\x08\x81\0\0\x09" + tagged(p)),
    "PPPoE": typed(0x8864, pppoe),
    "PPPoE in a VLAN": typed(0x8100, lambda p: b"\0\x07\x88\x64" + pppoe(p)),
    "LLC and SNAP": Wrap(1, lambda p: _MACS + struct.pack("!H", len(snap(p))) + snap(p), live=True),
    "MPLS": typed(0x8847, lambda p: mpls(100) + p),
    "MPLS, three labels": typed(0x8847, lambda p: mpls(100, 200, 300) + p),
    "MPLS pseudowire": typed(0x8847, lambda p: mpls(100) + bytes(4) + ethernet(p)),
    "MPLS pseudowire, no control word": typed(0x8847, lambda p: mpls(100) + ethernet(p)),
    "provider backbone": typed(0x88E7, lambda p: bytes(4) + ethernet(p)),
    "IPv4 options": Wrap(1, lambda p: ethernet(optioned(p)), live=True),
    "IPv6 extension headers": Wrap(1, lambda p: ethernet(extended(p, (0, 43, 60))), live=True),
    "IPv6 hop by hop": Wrap(1, lambda p: ethernet(extended(p, (0,))), live=True),
    "IPv6 authentication": Wrap(1, lambda p: ethernet(extended(p, (51,))), live=True),
    "authentication": ether(lambda p: ip4(51, bytes([4 if p[0] >> 4 == 4 else 41, 4]) + bytes(22) + p)),
    "GRE": ether(lambda p: gre(0, ethertype(p), b"", p)),
    "GRE, key, checksum, sequence": ether(lambda p: gre(0xB000, ethertype(p), bytes(12), p)),
    "GRE in IPv6": ether(lambda p: ip6(47, struct.pack("!HH", 0, ethertype(p)) + p)),
    "GRE, Ethernet": ether(lambda p: gre(0x2000, 0x6558, bytes(4), ethernet(p))),
    "GRE, PPTP": ether(lambda p: gre(0x3081, 0x880B, struct.pack("!HHII", len(ppp(p)), 1, 1, 1), ppp(p))),
    "GRE, MPLS": ether(lambda p: gre(0, 0x8847, b"", mpls(7) + p)),
    "ERSPAN I": ether(lambda p: gre(0, 0x88BE, b"", ethernet(p))),
    "ERSPAN II": ether(lambda p: gre(0x1000, 0x88BE, bytes(4), b"\x10" + bytes(7) + ethernet(p))),
    "ERSPAN III": ether(lambda p: gre(0x1000, 0x22EB, bytes(4), b"\x20" + bytes(11) + ethernet(p))),
    "IP in IPv4": ether(lambda p: ip4(4 if p[0] >> 4 == 4 else 41, p)),
    "IP in IPv6": ether(lambda p: ip6(4 if p[0] >> 4 == 4 else 41, p)),
    "VXLAN": ether(lambda p: udp(4789, b"\x08\0\0\0\0\0\x07\0" + ethernet(p))),
    "VXLAN on the old port": ether(lambda p: udp(8472, b"\x08\0\0\0\0\0\x07\0" + ethernet(p))),
    "VXLAN-GPE": ether(
        lambda p: udp(4790, (b"\x0c\0\0\x01" if p[0] >> 4 == 4 else b"\x0c\0\0\x02") + b"\0\0\x07\0" + p)
    ),
    "Geneve": ether(geneve),
    "GTP-U": ether(gtp),
    "GTP-U, extension": ether(lambda p: gtp(p, extension=True)),
    "Teredo": ether(lambda p: udp(3544, p) if p[0] >> 4 == 6 else p),
    "L2TP": ether(
        lambda p: udp(1701, b"\x40\x02" + struct.pack("!HHH", 10 + len(ppp(p)), 1, 1) + b"\xff\x03" + ppp(p), 1701)
    ),
    "TZSP": ether(lambda p: udp(37008, b"\x01\0\0\x01\x01" + ethernet(p))),
    "sFlow": ether(lambda p: udp(6343, sampled(p))),
    "PPP, multiplexed": ether(lambda p: gre(0, 0x880B, b"", b"\xff\x03\0\x59" + multiplexed(ppp(p)))),
    "PPP as a stream": ether(lambda p: gre(0, 0x8881, b"", stuffed(ppp(p)))),
    "EtherIP": ether(lambda p: ip4(97, b"\x30\0" + ethernet(p))),
    "MPLS in UDP": ether(lambda p: udp(6635, mpls(7) + p)),
    "VXLAN in GRE in MPLS": typed(
        0x8847, lambda p: mpls(7) + gre(0, 0x0800, b"", udp(4789, b"\x08\0\0\0\0\0\x07\0" + ethernet(p)))
    ),
    "CAPWAP, Ethernet": ether(lambda p: udp(5247, b"\0\x10\x02\0" + bytes(4) + ethernet(p))),
    "CAPWAP, 802.11": ether(lambda p: udp(5247, b"\0\x10\x03\0" + bytes(4) + wlan(p))),
    "CAPWAP, 802.11 swapped": ether(lambda p: udp(5247, b"\0\x10\x03\0" + bytes(4) + b"\x01\x08" + wlan(p)[2:])),
    "LISP": ether(lambda p: udp(4341, bytes(8) + p)),
    "GRE in UDP": ether(lambda p: udp(4754, struct.pack("!HH", 0, ethertype(p)) + p)),
    "TRILL": typed(0x22F3, lambda p: b"\0\x3f\0\1\0\2" + ethernet(p)),
    "FabricPath": typed(0x8903, lambda p: b"\0\x60" + ethernet(p)),
    "HSR": typed(0x892F, lambda p: struct.pack("!HH", len(p) + 6, 1) + tagged(p)),
    "raw IP": Wrap(101, bytes, live=True),
    "raw IP, BSD": Wrap(12, bytes),
    "raw IP, OpenBSD": Wrap(14, bytes),
    "null": Wrap(0, null),
    "null, big-endian": Wrap(0, lambda p: null(p, ">", 24)),
    "loop": Wrap(108, lambda p: null(p, ">", 24)),
    "PPP": Wrap(9, ppp),
    "PPP, HDLC": Wrap(50, lambda p: b"\xff\x03" + ppp(p)),
    "PPPoE link": Wrap(51, pppoe),
    "Cisco HDLC": Wrap(104, lambda p: b"\x0f\0" + tagged(p)),
    "Linux cooked": Wrap(113, sll),
    "Linux cooked 2": Wrap(276, sll2),
    "NFLOG": Wrap(239, nflog),
    "PKTAP": Wrap(258, pktap),
    "802.11": Wrap(105, wlan),
    "802.11, QoS": Wrap(105, lambda p: wlan(p, qos=True)),
    "radiotap": Wrap(127, lambda p: b"\0\0\x08\0\0\0\0\0" + wlan(p)),
    "Prism": Wrap(119, lambda p: struct.pack("<II", 68, 144) + bytes(136) + wlan(p)),
    "AVS": Wrap(163, lambda p: struct.pack("!II", 0x80211001, 64) + bytes(56) + wlan(p)),
    "PPI": Wrap(192, lambda p: struct.pack("<BBHI", 0, 0, 8, 105) + wlan(p)),
    "PPI, Ethernet": Wrap(192, lambda p: struct.pack("<BBHI", 0, 0, 8, 1) + ethernet(p)),
    "token ring": Wrap(6, lambda p: b"\x10\x40" + _MACS + snap(p)),
    "FDDI": Wrap(10, lambda p: b"\x50" + _MACS + snap(p)),
    "ARCNET": Wrap(7, lambda p: b"\x01\x02" + (b"\xd4\0\0\x07" if p[0] >> 4 == 4 else b"\xc4\0\0\x07") + p),
    "ATM, LLC": Wrap(100, snap),
    "frame relay": Wrap(107, lambda p: b"\x18\x41\x03" + nlpid(p)),
    "IP over fibre channel": Wrap(122, lambda p: bytes(16) + snap(p)),
    "SunATM": Wrap(123, lambda p: b"\x02\0\0\x20" + snap(p)),
    "IP over 1394": Wrap(138, lambda p: bytes(16) + tagged(p)),
    "ERF in pcap": Wrap(197, erf),
    "MPLS link": Wrap(219, lambda p: mpls(7) + p),
    "IP over InfiniBand": Wrap(242, lambda p: bytes(40) + tagged(p)[:2] + bytes(2) + p),
    "NetAnalyzer": Wrap(240, lambda p: bytes(4) + ethernet(p) + bytes(4)),
    "exported PDU": Wrap(252, exported),
    "exported PDU, IP": Wrap(252, lambda p: tag(12, b"ip\0\0") + bytes(4) + p),
    "exported PDU, UDP and TCP": Wrap(252, exported_transport),
    "SLIP": Wrap(8, lambda p: b"\0\x40" + bytes(14) + p),
    "SLIP, bare": Wrap(8, bytes),
    "DOCSIS": Wrap(143, lambda p: b"\0\0" + struct.pack("!H", len(p) + 14) + bytes(2) + ethernet(p)),
    "DOCSIS, extended": Wrap(143, lambda p: b"\x01\x03" + bytes(2) + bytes(3) + bytes(2) + ethernet(p)),
    "Cisco HDLC, direction": Wrap(205, lambda p: b"\1\x0f\0" + tagged(p)),
    "frame relay, direction": Wrap(206, lambda p: b"\1\x18\x41\x03" + nlpid(p)),
    "frame relay, PPP": Wrap(107, lambda p: b"\x18\x41\x03\xcf" + ppp(p)),
    "frame relay, bridged": Wrap(107, lambda p: b"\x18\x41\x03\0\x80\0\x80\xc2\0\x07" + ethernet(p)),
    "ATM, bridged": Wrap(100, lambda p: b"\xaa\xaa\x03\0\x80\xc2\0\x07\0\0" + ethernet(p)),
    "ATM, no LLC": Wrap(100, checked),
    "ATM, ISO": Wrap(100, lambda p: b"\xfe\xfe\x03" + nlpid(p)),
    "ATM on FreeBSD": Wrap(11, snap),
    "ATM, classical IP": Wrap(106, lambda p: snap(checked(p))),
    "IPNET": Wrap(226, lambda p: b"\x01" + bytes(23) + p),
    "EPON": Wrap(259, lambda p: bytes(8) + ethernet(p)),
    "mPacket": Wrap(274, lambda p: b"\x55" * 7 + b"\xd5" + ethernet(p)),
    "NetAnalyzer, preamble": Wrap(241, lambda p: bytes(4) + b"\x55" * 7 + b"\xd5" + ethernet(p) + bytes(4)),
    "Broadcom tag": Wrap(281, lambda p: _MACS + b"\x20\0\0\1" + tagged(p)),
    "Broadcom tag in front": Wrap(282, lambda p: b"\x20\0\0\1" + ethernet(p)),
    "DSA": Wrap(284, lambda p: _MACS + b"\xc0\0\0\1" + tagged(p)),
    "EDSA": Wrap(285, lambda p: _MACS + b"\xda\xda\0\0\xc0\0\0\1" + tagged(p)),
    "EDSA on Ethernet": typed(0xDADA, lambda p: b"\0\0\xc0\0\0\1" + tagged(p)),
    "TZSP link": Wrap(128, lambda p: b"\x01\0\0\x01\x01" + ethernet(p)),
    "Juniper Ethernet": Wrap(178, lambda p: b"MGC\0" + ethernet(checked(p))),
    "Juniper Ethernet, more": Wrap(178, lambda p: b"MGC\x81\0\x06\1\1\1\2\1\1" + ethernet(checked(p))),
    "Juniper PPP": Wrap(179, lambda p: b"MGC\0\xff\x03" + ppp(checked(p))),
    "Juniper ATM": Wrap(137, lambda p: b"MGC\0" + bytes(4) + snap(checked(p))),
    "AX.25": Wrap(3, lambda p: b"\x82" * 13 + b"\x61\x03\xcc" + checked(p)),
    "Inter-Switch Link": Wrap(
        1, lambda p: b"\x01\0\x0c\0\0\0" + bytes(6) + struct.pack("!H", 100) + bytes(12) + ethernet(p) + bytes(4)
    ),
    "MACsec in the clear": typed(0x88E5, lambda p: b"\0\0\0\0\0\1" + tagged(p) + bytes(16)),
    "MACsec with its channel": typed(0x88E5, lambda p: b"\x20\0\0\0\0\1" + bytes(8) + tagged(p) + bytes(16)),
    "batman-adv": typed(0x4305, lambda p: b"\x40\x0f\x32\1" + bytes(6) + ethernet(p)),
    "jumbo LLC": typed(0x8870, snap),
    "PPP multilink": Wrap(9, lambda p: b"\0\x3d\xc0\0\0\7" + ppp(p)),
    "PPP multilink, short": Wrap(9, lambda p: b"\0\x3d\xc0\7" + ppp(p)),
    "PPP bridged": Wrap(9, lambda p: b"\0\x31\0\x01" + ethernet(p)),
    "Linux cooked, PPP": Wrap(113, lambda p: bytes(14) + b"\0\7\xff\x03" + ppp(p)),
    "802.11, mesh": Wrap(
        105,
        lambda p: (
            b"\x88\x03" + bytes(2) + _MACS + _MACS[:6] + bytes(2) + _MACS[:6] + b"\0\1" + b"\0\x1f" + bytes(4) + snap(p)
        ),
    ),
    "null, Windows": Wrap(0, lambda p: null(p, "<", 23)),
    "null, PPP": Wrap(0, lambda p: b"\xff\x03" + ppp(p)),
    "MikroTik in GRE": ether(lambda p: gre(0x2001, 0x6400, struct.pack("!HH", 14 + len(p), 7), ethernet(p))),
    "Ethernet in IP": ether(lambda p: ip6(143, ethernet(p))),
    "minimal encapsulation": ether(minimal),
    "IP in IP, KA9Q": ether(lambda p: ip4(94, p)),
    "ESP without encryption": ether(lambda p: ip4(50, esp(p))),
    "L2TPv3": ether(lambda p: ip4(115, struct.pack("!I", 7) + ethernet(p))),
    "L2TPv3, cookie": ether(lambda p: ip4(115, struct.pack("!I", 7) + bytes(12) + ethernet(p))),
    "L2TPv3 in UDP": ether(lambda p: udp(1701, b"\0\x03\0\0\0\0\0\x07" + ethernet(p), 1701)),
    "GTP 0": ether(lambda p: udp(3386, b"\x1e\xff" + struct.pack("!H", len(p)) + bytes(16) + p, 3386)),
    "mobile IP": ether(lambda p: udp(434, b"\x04\x04\0\0" + p)),
    "AYIYA": ether(lambda p: udp(5072, b"\x44\x52\x11" + (b"\x04" if p[0] >> 4 == 4 else b"\x29") + bytes(40) + p)),
    "GUE": ether(lambda p: udp(6080, (b"\0\x04" if p[0] >> 4 == 4 else b"\0\x29") + bytes(2) + p)),
    "GUE, no header": ether(lambda p: udp(6080, p)),
    "GTP-U, Ethernet": ether(lambda p: udp(2152, struct.pack("!BBHI", 0x30, 0xFF, 14 + len(p), 7) + ethernet(p), 2152)),
    "LWAPP": ether(lambda p: udp(12222, b"\0\0" + struct.pack("!H", len(wlan(p))) + b"\0\0" + wlan(p))),
    "GRE, Aruba": ether(lambda p: gre(0, 0x8200, b"", wlan(p))),
    "GRE, routes": ether(lambda p: gre(0x4000, ethertype(p), bytes(4) + b"\x08\0\0\x04" + bytes(4) + bytes(4), p)),
    "MPLS, associated channel": typed(
        0x8847, lambda p: mpls(7) + (b"\x10\0\0\x21" if p[0] >> 4 == 4 else b"\x10\0\0\x57") + p
    ),
    "Linux cooked, radiotap": Wrap(
        113, lambda p: struct.pack("!HHH8sH", 0, 803, 6, bytes(8), 4) + b"\0\0\x08\0\0\0\0\0" + wlan(p)
    ),
    "802.11, no LLC": Wrap(105, lambda p: b"\x08\x01" + bytes(2) + _MACS + _MACS[:6] + bytes(2) + tagged(p)),
    "802.11, Ethernet": Wrap(105, lambda p: b"\x08\x01" + bytes(2) + _MACS + _MACS[:6] + bytes(2) + ethernet(p)),
    "SunATM, LAN emulation": Wrap(123, lambda p: b"\x01\0\0\x20\0\0" + ethernet(p)),
    "PPP, Cisco": Wrap(50, lambda p: b"\x0f\0" + tagged(p)),
    "PPP, uncompressed TCP": Wrap(
        9, lambda p: b"\0\x2f" + p[:9] + b"\7" + p[10:] if p[9] == 6 and p[0] == 0x45 else ppp(p)
    ),
    "UDP-Lite": Wrap(
        1,
        lambda p: ethernet(
            p[:9] + b"\x88" + p[10:24] + b"\0\x08" + p[26:]
            if p[0] == 0x45 and p[9] == 17 and not p[6] & 0x3F and not p[7]
            else p
        ),
    ),
}
