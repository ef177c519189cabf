import struct
from typing import Any

import pytest
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q
from scapy.layers.ppp import PPP, PPPoE

from egret.decode.packet import decode_packet
from egret.errors import Malformed, Reason, Unsupported
from egret.model import Endpoint
from tests.support.net import CLIENT, CLIENT6, HELLO, assert_every_cut_is_read, decoded, ether, frame, ip, tcp, udp6
from tests.support.wraps import WRAPS

LINKS = {
    "vlan": (ether() / Dot1Q(vlan=7) / tcp(HELLO), 1),
    "qinq": (ether() / Dot1AD(vlan=9) / Dot1Q(vlan=7) / Dot1Q(vlan=8) / tcp(HELLO), 1),
    "pppoe": (ether() / PPPoE(sessionid=5) / PPP() / tcp(HELLO), 1),
    "ppp": (PPP() / tcp(HELLO), 9),
    "ppp hdlc": (b"\xff\x03\x00\x21" + bytes(tcp(HELLO)), 9),
    "ppp compressed": (b"\x21" + bytes(tcp(HELLO)), 9),
    "raw": (tcp(HELLO), 101),
    "raw bsd": (tcp(HELLO), 12),
    "raw openbsd": (tcp(HELLO), 14),
    "ipv4": (tcp(HELLO), 228),
    "ipv6": (udp6(HELLO), 229),
    "null little": (b"\x02\x00\x00\x00" + bytes(tcp(HELLO)), 0),
    "null big": (b"\x00\x00\x00\x02" + bytes(tcp(HELLO)), 0),
    "null macos ipv6": (b"\x1e\x00\x00\x00" + bytes(udp6(HELLO)), 0),
    "loop": (b"\x00\x00\x00\x18" + bytes(udp6(HELLO)), 108),
    "cooked": (CookedLinux(proto=0x800) / tcp(HELLO), 113),
    "cooked v2": (CookedLinuxV2(proto=0x800) / tcp(HELLO), 276),
    "cooked vlan": (CookedLinux(proto=0x8100) / Dot1Q(vlan=3, type=0x800) / tcp(HELLO), 113),
    "cisco hdlc": (b"\x0f\x00\x08\x00" + bytes(tcp(HELLO)), 104),
    "snap": (bytes(ether())[:12] + b"\x00\x40\xaa\xaa\x03\0\0\0\x08\x00" + bytes(tcp(HELLO)), 1),
    "llc ip": (bytes(ether())[:12] + b"\x00\x40\x06\x06\x03" + bytes(tcp(HELLO)), 1),
    "nflog": (b"\x02\0\0\0\x05\0\x0a\0p\0\0\0" + struct.pack("<HH", 4 + len(tcp(HELLO)), 9) + bytes(tcp(HELLO)), 239),
    "pflog": (b"\x3d" + bytes(63) + bytes(tcp(HELLO)), 117),
    "enc": (bytes(12) + bytes(tcp(HELLO)), 109),
    "pktap": (struct.pack("<III", 108, 1, 1) + bytes(96) + bytes(ether() / tcp(HELLO)), 258),
    "ppp direction": (b"\x01\xff\x03\0\x21" + bytes(tcp(HELLO)), 204),
    "vn-tag": (bytes(ether())[:12] + b"\x89\x26" + bytes(4) + b"\x08\0" + bytes(tcp(HELLO)), 1),
    "e-tag": (bytes(ether())[:12] + b"\x89\x3f" + bytes(6) + b"\x08\0" + bytes(tcp(HELLO)), 1),
    "metadata": (bytes(ether())[:12] + b"\x89\x09\x01\x01\0\x01\0\x05\x08\0" + bytes(tcp(HELLO)), 1),
    "backbone": (bytes(ether())[:12] + b"\x88\xe7" + bytes(4) + bytes(ether() / tcp(HELLO)), 1),
    "cooked llc": (bytes(14) + b"\0\x04\xaa\xaa\x03\0\0\0\x08\0" + bytes(tcp(HELLO)), 113),
    "mpls": (bytes(ether())[:12] + b"\x88\x47\x00\x01\x00\x40\x00\x02\x01\x40" + bytes(tcp(HELLO)), 1),
    "mpls ethernet without control word": (
        bytes(ether())[:12] + b"\x88\x47\x00\x01\x01\x40" + bytes(ether() / tcp(HELLO)),
        1,
    ),
    "mpls ethernet": (
        bytes(ether())[:12] + b"\x88\x47\x00\x01\x01\x40\0\0\0\0" + bytes(ether() / tcp(HELLO)),
        1,
    ),
}

WAYS = (
    *("Inter-Switch Link", "MACsec in the clear", "MACsec with its channel", "batman-adv", "jumbo LLC", "ATM, ISO"),
    *("PPP multilink", "PPP multilink, short", "PPP bridged", "PPP, Cisco", "PPP, uncompressed TCP", "ATM, bridged"),
    *("Linux cooked, PPP", "Linux cooked, radiotap", "null, Windows", "null, PPP", "EDSA on Ethernet"),
    *("MPLS, associated channel", "MPLS pseudowire"),
)


@pytest.mark.parametrize("case", LINKS)
def test_links(case: str) -> None:
    packet = decoded(*LINKS[case])
    assert bytes(packet.payload) == HELLO
    assert packet.source in {Endpoint(ip(CLIENT), 40000), Endpoint(ip(CLIENT6), 40000)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("inner", [tcp(HELLO), udp6(HELLO)], ids=["IPv4", "IPv6"])
def test_ways(way: str, inner: Any) -> None:
    wrap = WRAPS[way]
    assert bytes(decoded(wrap.wrap(bytes(inner)), wrap.linktype).payload) == HELLO


@pytest.mark.parametrize(
    ("linktype", "data"),
    [
        (1, bytes(12) + b"\x88\xe5\x0c" + bytes(60)),  # MACsec that is encrypted
        (1, bytes(12) + b"\x43\x05\x40\x0e" + bytes(60)),  # batman-adv of another version
        (1, bytes(12) + b"\x43\x05\x07\x0f" + bytes(60)),
        (9, b"\0\x3d\x80\0\0\1\0\x21" + bytes(60)),  # a piece of a packet
        (9, b"\0\x3d\xc0\0\0\1\xc0\x21" + bytes(60)),
        (9, b"\0\x31\0\x02" + bytes(60)),  # bridged, and not Ethernet
        (100, b"\xaa\xaa\x03\0\x80\xc2\0\x0e" + bytes(60)),
    ],
)
def test_what_carries_nothing(linktype: int, data: bytes) -> None:
    assert decode_packet(frame(data, linktype)) is None


def test_pppoe_discovery_is_none() -> None:
    assert decode_packet(frame(bytes(ether())[:12] + b"\x88\x64\x11\x09\0\0\0\0")) is None


def test_unknown_link_type() -> None:
    with pytest.raises(Unsupported) as error:
        decode_packet(frame(b"x", 147))
    assert error.value.reason is Reason.UNKNOWN_LINKTYPE


def test_pppoe_version() -> None:
    with pytest.raises(Malformed):
        decode_packet(frame(bytes(ether())[:12] + b"\x88\x64\x22\0\0\0\0\0"))


@pytest.mark.parametrize("case", LINKS.values())
def test_every_cut_is_a_packet_or_an_error(case: tuple[Any, int]) -> None:
    assert_every_cut_is_read(bytes(case[0]), case[1])


@pytest.mark.parametrize(
    ("data", "linktype"),
    [
        (b"\x02\0\0\0\x05\0\x0a\0p\0\0\0", 239),
        (b"\0\0\0\x07" + bytes(40), 0),
        (bytes(ether())[:12] + b"\x88\x47\0\0\x01\x40", 1),
    ],
    ids=["nflog", "null", "mpls"],
)
def test_nothing_inside(data: bytes, linktype: int) -> None:
    assert decode_packet(frame(data, linktype)) is None


@pytest.mark.parametrize(
    ("data", "linktype"),
    [(b"\x02\0\0\0\x03\0\x09\0p", 239), (struct.pack("<III", 4, 1, 1), 258)],
    ids=["nflog", "pktap"],
)
def test_lengths_that_cannot_be(data: bytes, linktype: int) -> None:
    with pytest.raises(Malformed) as error:
        decode_packet(frame(data, linktype))
    assert error.value.reason is Reason.BAD_LENGTH
