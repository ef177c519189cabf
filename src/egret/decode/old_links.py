"""Link types that a captured file may still have and a live interface hardly: LAN, ATM and fibre before Ethernet won.

Ref: www.tcpdump.org/linktypes.html; RFC 1042, 1201, 1390 (SNAP on rings, ARCNET), 2427 (frame relay),
2684 (ATM), 2734 (IP over 1394), 4338 (fibre channel), 4391 (InfiniBand).
"""

from __future__ import annotations

from struct import Struct

from egret.decode.layer import Layer, Space, Table, ip_layer
from egret.decode.link import ETHERNET, by_ethertype, cut, ethernet, llc, mpls, ppp, snap
from egret.decode.reader import unpack
from egret.errors import Malformed, Reason

_U16_AT_2 = Struct("!2xH")
_U16_AT_16 = Struct("!16xH")
_U16_AT_40 = Struct("!40xH")
_BYTE = Struct("!B")
_SNAP = Struct("!3sH")
_ERF = Struct("!8xBBH")

_SOURCE_ROUTED = 0x80  # the top bit of a ring's source address: a routing field follows
_RING_ADDRESSES_END = 14
_ARCNET_IP = frozenset({212, 240, 241, 196})  # IP (RFC 1201 and 1051), and IPv6 (RFC 2497)
_ARCNET_BARE = frozenset({240, 241})  # RFC 1051: only the protocol goes before the datagram
_ARCNET_SPLIT = 0xFF  # an exception frame: four bytes more before the sequence number
_FC_DATA = 16  # RFC 4338 section 5: network headers
_NLPID_IP, _NLPID_IP6, _NLPID_SNAP, _NLPID_PPP, _UNNUMBERED = 0xCC, 0x8E, 0x80, 0xCF, 0x03
_FDDI_LLC, _FDDI_KIND = 0x50, 0xF0
_ERF_HEADER, _ERF_MORE = 16, 0x80
_ERF_ETHERNET = frozenset({2, 11, 16, 20})  # with port, class or hash in place of the loss counter
_ERF_POS = {1: 0, 10: 0, 15: 0, 19: 0, 5: 4, 17: 4}  # HDLC, and where its channel goes first; their bytes before it
_ERF_IP4, _ERF_IP6, _ERF_AAL5 = 22, 23, 4
_ERF_EXTENSIONS = 16
_SUN_LANE, _SUN_LLC = 1, 2


def _token_ring(data: memoryview) -> Layer | None:
    """IEEE 802.5: access and frame control, addresses, perhaps a routing field."""
    (first,) = unpack(_BYTE, data, 8)
    size = _RING_ADDRESSES_END
    if first & _SOURCE_ROUTED:
        size += unpack(_BYTE, data, size)[0] & 0x1F
    return llc(cut(data, size))


def _fddi(data: memoryview) -> Layer | None:
    (control,) = unpack(_BYTE, data)
    return llc(cut(data, 13)) if control & _FDDI_KIND == _FDDI_LLC else None


def _arcnet(data: memoryview) -> Layer | None:
    return _arcnet_body(cut(data, 2))


def _arcnet_linux(data: memoryview) -> Layer | None:
    return _arcnet_body(cut(data, 4))


def _arcnet_body(data: memoryview) -> Layer | None:
    """RFC 1201: a protocol, a split flag and a sequence number; later pieces of a split datagram are not read."""
    kind, split = data[0] if len(data) else 0, data[1] if len(data) > 1 else 0
    if kind not in _ARCNET_IP:
        return None
    if kind in _ARCNET_BARE:
        return ip_layer(cut(data, 1))
    return ip_layer(cut(data, 8 if split == _ARCNET_SPLIT else 4))


def frame_relay(data: memoryview) -> Layer | None:
    """RFC 2427: an address of two to four bytes, the last with its low bit set; then a protocol."""
    size = next((at + 1 for at in range(1, min(4, len(data))) if data[at] & 1), 0)
    if not size:
        raise Malformed(Reason.BAD_VALUE, 0)
    (control,) = unpack(_BYTE, data, size)
    if control != _UNNUMBERED:  # Cisco's own: an EtherType
        return by_ethertype(unpack(_U16_AT_2, data, size - 2)[0], cut(data, size + 2))
    rest = cut(data, size + 1)
    if len(rest) and rest[0] == 0:  # padding to an even length
        rest = rest[1:]
    (number,) = unpack(_BYTE, rest)
    if number in {_NLPID_IP, _NLPID_IP6}:
        return ip_layer(rest[1:])
    if number == _NLPID_PPP:
        return ppp(rest[1:])
    if number != _NLPID_SNAP:
        return None
    organisation, number = unpack(_SNAP, rest, 1)
    return snap(organisation, number, rest[6:], padding=0)


def _fibre_channel(data: memoryview) -> Layer | None:
    return llc(cut(data, _FC_DATA))


def _sun_atm(data: memoryview) -> Layer | None:
    (kind,) = unpack(_BYTE, data)
    if kind & 0x0F == _SUN_LANE:  # LAN emulation: two bytes, then Ethernet
        return ethernet(cut(data, 6))
    return llc(cut(data, 4)) if kind & 0x0F == _SUN_LLC else None


def _firewire(data: memoryview) -> Layer:
    (number,) = unpack(_U16_AT_16, data)
    return by_ethertype(number, data[18:])


def _infiniband(data: memoryview) -> Layer:
    """The 40 bytes of a global routing header, then RFC 4391's four."""
    (number,) = unpack(_U16_AT_40, data)
    return by_ethertype(number, cut(data, 44))


def _erf(data: memoryview) -> Layer | None:
    """Endace's record: a type, perhaps extension headers, and with Ethernet two bytes of padding."""
    kind, _, _ = unpack(_ERF, data)
    offset, more = _ERF_HEADER, kind & _ERF_MORE
    for _ in range(_ERF_EXTENSIONS):
        if not more:
            break
        more = unpack(_BYTE, data, offset)[0] & _ERF_MORE
        offset += 8
    kind &= ~_ERF_MORE
    if kind in _ERF_ETHERNET:
        return Layer(Space.LINKTYPE, ETHERNET, cut(data, offset + 2))
    if kind in _ERF_POS:
        return ppp(cut(data, offset + _ERF_POS[kind]))
    if kind == _ERF_AAL5:
        return llc(cut(data, offset + 4))
    return ip_layer(cut(data, offset)) if kind in {_ERF_IP4, _ERF_IP6} else None


def _net_analyzer(data: memoryview) -> Layer:
    """Hilscher netANALYZER: four bytes of its own, then Ethernet with its checksum."""
    return ethernet(cut(data, 4))


OLD_LINKTYPES: Table = {
    6: _token_ring,
    7: _arcnet,
    10: _fddi,
    107: frame_relay,
    122: _fibre_channel,
    123: _sun_atm,
    129: _arcnet_linux,
    138: _firewire,
    197: _erf,
    219: mpls,
    240: _net_analyzer,
    242: _infiniband,
}
