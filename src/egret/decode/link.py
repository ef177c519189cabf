"""Link headers: from a capture's link type to IP. Each is one function and one row in a table.

Ref: www.tcpdump.org/linktypes.html; IEEE 802.1Q, 802.1ad; RFC 2516 (PPPoE), RFC 3032 (MPLS).
"""

from __future__ import annotations

from struct import Struct

from egret.decode.layer import Layer, Space, Table, ip_layer
from egret.decode.reader import unpack
from egret.errors import Malformed, Reason, Truncated

_U16 = Struct("!H")
_U32 = Struct("!I")
_ETHERNET = Struct("!12xH")
_VLAN = Struct("!2xH")
_PPPOE = Struct("!BBHH")
_COOKED_V1 = Struct("!14xH")
_COOKED_V2 = Struct("!H")
_U8 = Struct("!B")
_ATTRIBUTE = Struct("<HH")
_NFLOG_PAYLOAD = 9
_PKTAP = Struct("<III")
_LLC_SNAP = Struct("!BBB3sH")

ETHERNET = 1
IPV4, IPV6 = 0x0800, 0x86DD
_MIN_ETHERTYPE = 0x0600  # IEEE 802.3 section 3.2.6: below, the field is a length and an LLC header follows

_IN_PSEUDOWIRES = frozenset({IPV4, IPV6, 0x8100, 0x88A8, 0x8847, 0x8864})

# 2 is IPv4 everywhere; IPv6 is 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS, 10 on Linux
_ADDRESS_FAMILIES = frozenset({2, 10, 24, 28, 30})


def cut(data: memoryview, size: int) -> memoryview:
    """Drop a header of *size* bytes.

    Raises:
        Truncated: *data* is shorter than that.
    """
    if len(data) < size:
        raise Truncated(len(data))
    return data[size:]


def by_ethertype(number: int, data: memoryview) -> Layer:
    """The layer that an EtherType (or, below 0x600, an 802.3 length) announces."""
    if number in {IPV4, IPV6}:
        return ip_layer(data)
    return Layer(Space.ETHERTYPE, number if number >= _MIN_ETHERTYPE else 0, data)


def ethernet(data: memoryview) -> Layer:
    """Ethernet II or 802.3."""
    (number,) = unpack(_ETHERNET, data)
    return by_ethertype(number, data[14:])


def _vlan(data: memoryview) -> Layer:
    (number,) = unpack(_VLAN, data)
    return by_ethertype(number, data[4:])


def llc(data: memoryview) -> Layer | None:
    """IEEE 802.2 LLC with SNAP (RFC 1042); other LLC users carry no names that we read."""
    if len(data) >= 3 and data[0] == data[1] == 0x06:
        return ip_layer(data[3:])
    dsap, ssap, _control, organisation, number = unpack(_LLC_SNAP, data)
    if dsap != 0xAA or ssap != 0xAA or organisation not in {b"\0\0\0", b"\0\0\xf8"}:
        return None
    return by_ethertype(number, data[8:])


def mpls(data: memoryview) -> Layer | None:
    """A stack of MPLS labels (RFC 3032 section 2.1), then IP or Ethernet."""
    offset = 0
    while True:
        (entry,) = unpack(_U32, data, offset)
        offset += 4
        if entry & 0x100:
            break
    inner = data[offset:]
    version = inner[0] >> 4 if len(inner) else 0
    if version in {4, 6}:
        return ip_layer(inner)
    return _pseudowire(inner)


def _pseudowire(data: memoryview) -> Layer | None:
    """Ethernet in MPLS (RFC 4448); nothing says whether a control word goes before it, so the EtherType decides."""
    for skipped in (4, 0):
        if len(data) >= skipped + 14 and _ETHERNET.unpack_from(data, skipped)[0] in _IN_PSEUDOWIRES:
            return ethernet(data[skipped:])
    return None


def _pppoe(data: memoryview) -> Layer | None:
    version_type, code, _session, length = unpack(_PPPOE, data)
    if version_type != 0x11:
        raise Malformed(Reason.BAD_VALUE, 0)
    if code != 0:
        return None
    return ppp(data[6 : 6 + length])


def ppp(data: memoryview) -> Layer:
    """PPP, with or without HDLC address and control; the protocol may be compressed to one byte (RFC 1661)."""
    if len(data) >= 2 and data[0] == 0xFF and data[1] == 0x03:
        data = data[2:]
    if len(data) and data[0] & 1:
        return Layer(Space.PPP, data[0], data[1:])
    (number,) = unpack(_U16, data)
    return Layer(Space.PPP, number, data[2:])


def _cisco_hdlc(data: memoryview) -> Layer:
    (number,) = unpack(_VLAN, data)
    return by_ethertype(number, data[4:])


def _null(data: memoryview) -> Layer | None:
    (family,) = unpack(_U32, data)
    if family > 0xFFFF:  # written by a host of the other byte order
        family = int.from_bytes(data[:4], "little")
    return ip_layer(data[4:]) if family in _ADDRESS_FAMILIES else None


def _cooked_v1(data: memoryview) -> Layer:
    (number,) = unpack(_COOKED_V1, data)
    return _cooked(number, data[16:])


def _cooked_v2(data: memoryview) -> Layer:
    (number,) = unpack(_COOKED_V2, data)
    return _cooked(number, cut(data, 20))


def _nflog(data: memoryview) -> Layer | None:
    """Linux netfilter log: a header, then attributes in host byte order, little-endian today; one is the packet."""
    offset = 4
    while len(data) - offset >= 4:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            raise Malformed(Reason.BAD_LENGTH, offset)
        if kind & 0x7FFF == _NFLOG_PAYLOAD:
            return ip_layer(data[offset + 4 : offset + length])
        offset += (length + 3) & ~3
    return None


def _openbsd_log(data: memoryview) -> Layer:
    """PFLOG: the header says its own length, without the padding to four bytes."""
    (length,) = unpack(_U8, data)
    return ip_layer(cut(data, (length + 3) & ~3))


def _openbsd_enc(data: memoryview) -> Layer:
    """ENC: address family, index and flags before the IP header."""
    return ip_layer(cut(data, 12))


def _apple_tagged(data: memoryview) -> Layer:
    """PKTAP: the header says its length and the link type behind it."""
    length, _, linktype = unpack(_PKTAP, data)
    if length < _PKTAP.size:
        raise Malformed(Reason.BAD_LENGTH, 0)
    return Layer(Space.LINKTYPE, linktype, cut(data, length))


def _vn_tag(data: memoryview) -> Layer:
    (number,) = unpack(_U16, data, 4)
    return by_ethertype(number, data[6:])


def _long_tag(data: memoryview) -> Layer:
    """IEEE 802.1BR E-Tag and Cisco MetaData: six bytes, then the EtherType."""
    (number,) = unpack(_U16, data, 6)
    return by_ethertype(number, data[8:])


def _backbone(data: memoryview) -> Layer:
    """IEEE 802.1ah: an instance tag, then a whole Ethernet frame."""
    return ethernet(cut(data, 4))


def _ppp_with_direction(data: memoryview) -> Layer:
    """PPP behind one byte that says who sent it."""
    return ppp(cut(data, 1))


def _cooked(number: int, data: memoryview) -> Layer:
    # 1: Novell raw 802.3, 4: 802.2 LLC, the others are EtherTypes
    return Layer(Space.ETHERTYPE, 0, data) if number == 4 else by_ethertype(number, data)


LINKTYPES: Table = {
    0: _null,
    1: ethernet,
    9: ppp,
    12: ip_layer,
    14: ip_layer,
    50: ppp,
    51: _pppoe,
    101: ip_layer,
    104: _cisco_hdlc,
    108: _null,
    109: _openbsd_enc,
    113: _cooked_v1,
    117: _openbsd_log,
    149: _apple_tagged,
    166: _ppp_with_direction,
    204: _ppp_with_direction,
    228: ip_layer,
    229: ip_layer,
    239: _nflog,
    258: _apple_tagged,
    276: _cooked_v2,
}

ETHERTYPES: Table = {
    0: llc,
    IPV4: ip_layer,
    IPV6: ip_layer,
    0x6558: ethernet,
    0x8100: _vlan,
    0x8847: mpls,
    0x8848: mpls,
    0x8864: _pppoe,
    0x880B: ppp,
    0x88A8: _vlan,
    0x88E7: _backbone,
    0x8909: _long_tag,
    0x8926: _vn_tag,
    0x893F: _long_tag,
    0x9100: _vlan,
    0x9200: _vlan,
    0x9300: _vlan,
}

PPP_PROTOCOLS: Table = {
    0x21: ip_layer,
    0x57: ip_layer,
    0x281: mpls,
    0x283: mpls,
}
