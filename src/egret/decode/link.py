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
_COOKED_V1 = Struct("!2xH10xH")
_COOKED_V2 = Struct("!H6xH")
_U8 = Struct("!B")
_ATTRIBUTE = Struct("<HH")
_NFLOG_PAYLOAD = 9
_PKTAP = Struct("<III")
_TWO = Struct("!BB")
_LLC_SNAP = Struct("!BBB3sH")

ETHERNET = 1
IPV4, IPV6 = 0x0800, 0x86DD
MIN_ETHERTYPE = 0x0600  # IEEE 802.3 section 3.2.6: below, the field is a length and an LLC header follows

_ETHERTYPES_OF = frozenset({b"\0\0\0", b"\0\0\xf8"})
_BRIDGED, _BRIDGED_ETHERNET = b"\0\x80\xc2", frozenset({1, 7})
_NLPIDS = frozenset({0xCC, 0x8E})  # IP and IPv6 in ISO's registry
_ISL, _ISL_HEADER = frozenset({b"\x01\0\x0c\0\0", b"\x0c\0\x0c\0\0"}), 26
_ASSOCIATED = frozenset({0x21, 0x57})  # channels of RFC 4385 that are IP and IPv6
_CISCO_ADDRESSES = frozenset({0x0F, 0x8F})
RADIO_HEADERS = {801: 105, 802: 119, 803: 127}  # ARPHRD: 802.11, with Prism, with radiotap
_ENCRYPTED, _WITH_CHANNEL = 0x0C, 0x20
_WHOLE, _IN_MULTILINK = 0xC0, frozenset({0x21, 0x57})
_MESH_HEADERS = {0x01: 14, 0x40: 10, 0x42: 18}
_IN_PSEUDOWIRES = frozenset({IPV4, IPV6, 0x8100, 0x88A8, 0x8847, 0x8864})

# 2 is IPv4 everywhere; IPv6 is 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS, 10 on Linux, 23 on Windows;
# some writers put an EtherType
ADDRESS_FAMILIES = frozenset({2, 10, 23, 24, 28, 30, IPV4, IPV6})


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
    return Layer(Space.ETHERTYPE, number if number >= MIN_ETHERTYPE else 0, data)


def ethernet(data: memoryview) -> Layer:
    """Ethernet II or 802.3; or behind Cisco's Inter-Switch Link, which looks like 802.3 to a special address."""
    (number,) = unpack(_ETHERNET, data)
    if number < MIN_ETHERTYPE and bytes(data[:5]) in _ISL and len(data) >= _ISL_HEADER + 14:
        return Layer(Space.LINKTYPE, ETHERNET, data[_ISL_HEADER:])
    return by_ethertype(number, data[14:])


def _vlan(data: memoryview) -> Layer:
    (number,) = unpack(_VLAN, data)
    return by_ethertype(number, data[4:])


def llc(data: memoryview) -> Layer | None:
    """IEEE 802.2 LLC with SNAP (RFC 1042); other LLC users carry no names that we read."""
    if len(data) >= 3 and data[0] == data[1] == 0x06:
        return ip_layer(data[3:])
    if len(data) >= 4 and data[0] == data[1] == 0xFE and data[3] in _NLPIDS:
        return ip_layer(data[4:])
    dsap, ssap, _control, organisation, number = unpack(_LLC_SNAP, data)
    if dsap != 0xAA or ssap != 0xAA:
        return None
    return snap(organisation, number, data[8:])


def snap(organisation: bytes, number: int, data: memoryview, padding: int = 2) -> Layer | None:
    """What SNAP's two fields announce; *padding* goes before a bridged frame (RFC 2684 section 5.2, RFC 2427)."""
    if organisation in _ETHERTYPES_OF:
        return by_ethertype(number, data)
    if organisation == _BRIDGED and number in _BRIDGED_ETHERNET:
        return ethernet(cut(data, padding))
    return None


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
    if len(data) >= 4 and data[0] >> 4 == 1 and data[3] in _ASSOCIATED and data[2] == 0:
        return ip_layer(data[4:])
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
    elif len(data) >= 4 and data[0] in _CISCO_ADDRESSES and data[1] == 0:  # Cisco's framing under PPP's name
        return cisco_hdlc(data)
    if len(data) and data[0] & 1:
        return Layer(Space.PPP, data[0], data[1:])
    (number,) = unpack(_U16, data)
    return Layer(Space.PPP, number, data[2:])


def cisco_hdlc(data: memoryview) -> Layer:
    """Cisco's framing: address, control, EtherType."""
    (number,) = unpack(_VLAN, data)
    return by_ethertype(number, data[4:])


def _null(data: memoryview) -> Layer | None:
    if bytes(data[:2]) == b"\xff\x03":  # PPP on ISDN of the BSDs
        return ppp(data)
    (family,) = unpack(_U32, data)
    if family > 0xFFFF:  # written by a host of the other byte order
        family = int.from_bytes(data[:4], "little")
    return ip_layer(data[4:]) if family in ADDRESS_FAMILIES else None


def _cooked_v1(data: memoryview) -> Layer:
    hardware, number = unpack(_COOKED_V1, data)
    return _cooked(hardware, number, data[16:])


def _cooked_v2(data: memoryview) -> Layer:
    number, hardware = unpack(_COOKED_V2, data)
    return _cooked(hardware, number, cut(data, 20))


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


def openbsd_enc(data: memoryview) -> Layer:
    """ENC: address family, index and flags before the IP header."""
    return ip_layer(cut(data, 12))


def _apple_tagged(data: memoryview) -> Layer:
    """PKTAP: the header says its length and the link type behind it."""
    length, _, linktype = unpack(_PKTAP, data)
    if length < _PKTAP.size:
        raise Malformed(Reason.BAD_LENGTH, 0)
    return Layer(Space.LINKTYPE, linktype, cut(data, length))


def _behind_tag(data: memoryview, size: int) -> Layer:
    (number,) = unpack(_U16, data, size)
    return by_ethertype(number, data[size + 2 :])


def _vn_tag(data: memoryview) -> Layer:
    return _behind_tag(data, 4)


def _long_tag(data: memoryview) -> Layer:
    """IEEE 802.1BR E-Tag, Cisco MetaData and the long tag of Marvell's switches: six bytes, then the EtherType."""
    return _behind_tag(data, 6)


def _backbone(data: memoryview) -> Layer:
    """IEEE 802.1ah: an instance tag, then a whole Ethernet frame."""
    return ethernet(cut(data, 4))


def _macsec(data: memoryview) -> Layer | None:
    """IEEE 802.1AE: a tag, perhaps with the channel's id; in the clear where only integrity is protected."""
    (flags,) = unpack(_U8, data)
    if flags & _ENCRYPTED:
        return None
    return _behind_tag(data, 14 if flags & _WITH_CHANNEL else 6)


def _mesh(data: memoryview) -> Layer | None:
    """batman-adv, version 15: unicast, and broadcast, carry a whole Ethernet frame."""
    (kind, version) = unpack(_TWO, data)
    size = _MESH_HEADERS.get(kind)
    return None if version != 15 or size is None else ethernet(cut(data, size))


def _multilink(data: memoryview) -> Layer | None:
    """RFC 1990 section 3: a packet that was not cut; nothing says how long its sequence number is."""
    for size in (4, 2):
        if len(data) > size and data[0] & _WHOLE == _WHOLE:
            inner = ppp(data[size:])
            if inner.number in _IN_MULTILINK:
                return inner
    return None


def _uncompressed(data: memoryview) -> Layer:
    """RFC 1144 section 3.2: a connection's number stands where IP says TCP."""
    return ip_layer(memoryview(data[:9].tobytes() + b"\x06" + cut(data, 10)))


def _bridged(data: memoryview) -> Layer | None:
    """RFC 3518 section 4.3: flags, a kind of MAC, perhaps the LAN's id; then Ethernet."""
    flags, kind = unpack(_TWO, data)
    return ethernet(cut(data, 6 if flags & 0x40 else 2)) if kind == 1 else None


def _ppp_with_direction(data: memoryview) -> Layer:
    """PPP behind one byte that says who sent it."""
    return ppp(cut(data, 1))


def _cooked(hardware: int, number: int, data: memoryview) -> Layer:
    if hardware in RADIO_HEADERS:
        return Layer(Space.LINKTYPE, RADIO_HEADERS[hardware], data)
    # 1: Novell raw 802.3, 4: 802.2 LLC, 7: PPP with HDLC, the others are EtherTypes
    return ppp(data) if number == 7 else by_ethertype(number, data)


LINKTYPES: Table = {
    0: _null,
    1: ethernet,
    9: ppp,
    12: ip_layer,
    14: ip_layer,
    50: ppp,
    51: _pppoe,
    101: ip_layer,
    104: cisco_hdlc,
    108: _null,
    109: openbsd_enc,
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
    0x4305: _mesh,
    0x6400: ethernet,  # MikroTik in GRE
    0x6558: ethernet,
    0x8100: _vlan,
    0x8847: mpls,
    0x8848: mpls,
    0x8864: _pppoe,
    0x8870: llc,
    0x880B: ppp,
    0x88A8: _vlan,
    0x88E5: _macsec,
    0x88E7: _backbone,
    0x8909: _long_tag,
    0x8926: _vn_tag,
    0x893F: _long_tag,
    0x9100: _vlan,
    0x9200: _vlan,
    0x9300: _vlan,
    0xDADA: _long_tag,
}

PPP_PROTOCOLS: Table = {
    0x21: ip_layer,
    0x2F: _uncompressed,
    0x31: _bridged,
    0x3D: _multilink,
    0x57: ip_layer,
    0x281: mpls,
    0x283: mpls,
}
