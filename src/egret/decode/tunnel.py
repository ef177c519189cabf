"""Tunnels: headers that carry a whole frame or datagram again. One function and one row each.

Those over UDP share their port with whatever else a host runs there, so each looks hard at its header
and says None where it is not that tunnel after all; the packet is then an ordinary UDP one.
"""

from __future__ import annotations

from struct import Struct

from egret.decode.bundles import sflow, stuffed_ppp
from egret.decode.layer import Layer, Several, Space, Table, ip_layer
from egret.decode.link import ETHERNET, IPV4, IPV6, by_ethertype, cut, ethernet, mpls, ppp
from egret.decode.reader import unpack
from egret.decode.wlan import WLAN

_GRE = Struct("!HH")
_ROUTE, _MAX_ROUTES, _ROUTED = Struct("!HBB"), 16, 0x4000
_GRE_PPTP = 1
_GENEVE = Struct("!BBHI")
_GTP = Struct("!BBHI")
_U16 = Struct("!H")

_NSH = Struct("!HBB")

_ERSPAN = 0x88BE
_PPP_STREAM = 0x8881
_NSH_ETHERTYPE = 0x894F
_TZSP_LINKTYPES = {1: ETHERNET, 18: WLAN, 119: 119, 127: 163}  # its own numbers for Prism and AVS headers
_INNER_ETHERTYPES = frozenset({IPV4, IPV6, 0x8100, 0x88A8})
_COOKIES = (4, 8, 12, 16)  # a session, perhaps a cookie, perhaps a sublayer of four bytes
_GTP_DATA = 0xFF
_GTP_MAX_EXTENSIONS = 8


def gre(data: memoryview) -> Layer | Several | None:
    """RFC 2784, 2890 (key, sequence), 2637 (version 1: PPTP)."""
    flags, number = unpack(_GRE, data)
    size = 4 + 4 * bool(flags & 0xC000) + 4 * bool(flags & 0x2000) + 4 * bool(flags & 0x1000)
    if flags & 0x07 == _GRE_PPTP:
        size += 4 * bool(flags & 0x0080)
    if flags & _ROUTED and flags & 0x07 != _GRE_PPTP:
        size = _behind_routes(data, size)
    inner = cut(data, size)
    if not len(inner):
        return None
    if number == _ERSPAN:  # type II has a header, and a GRE sequence number; type I has neither
        return ethernet(cut(inner, 8) if flags & 0x1000 else inner)
    if number == _PPP_STREAM:
        return stuffed_ppp(inner)
    return by_ethertype(number, inner) if number >= 0x600 else None


def _behind_routes(data: memoryview, offset: int) -> int:
    """RFC 1701: entries of a family, an offset and a length; one without any of it is the last."""
    for _ in range(_MAX_ROUTES):
        family, _, length = unpack(_ROUTE, data, offset)
        offset += _ROUTE.size + length
        if not family and not length:
            break
    return offset


def _erspan_3(data: memoryview) -> Layer:
    """ERSPAN type III (draft-foschiano-erspan section 4.3): a header, and one more where its last bit says so."""
    (last,) = unpack(_U16, data, 10)
    return ethernet(cut(data, 20 if last & 1 else 12))


def _wccp(data: memoryview) -> Layer | None:
    """Web cache redirection: IP behind four bytes in version 2, at once in version 1."""
    if len(data) and data[0] >> 4 == 4:
        return ip_layer(data)
    return ip_layer(cut(data, 4))


def _nsh(data: memoryview) -> Layer | None:
    """RFC 8300 section 2.2: the service header says its length and what follows."""
    first, _, following = unpack(_NSH, data)
    return _by_next_protocol(following, cut(data, (first & 0x3F) * 4 or 8))


def _by_next_protocol(number: int, data: memoryview) -> Layer | None:
    """The registry that NSH and VXLAN-GPE share."""
    if number in {1, 2}:
        return ip_layer(data)
    if number == 3:
        return ethernet(data)
    return Layer(Space.ETHERTYPE, _NSH_ETHERTYPE, data) if number == 4 else None


def _vxlan(data: memoryview) -> Layer | None:
    """RFC 7348 section 5 and VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe section 3), on each other's ports as well."""
    if len(data) < 22 or data[0] & 0x48 != 0x08 or data[7] != 0:
        return None
    if not data[0] & 0x04:
        # without the next-protocol flag: reserved bytes, or a group policy with its own flag
        return ethernet(data[8:]) if data[0] & 0x80 or bytes(data[1:4]) == b"\0\0\0" else None
    return _by_next_protocol(data[3] or 3, data[8:])


def _geneve(data: memoryview) -> Layer | None:
    """RFC 8926 section 3.4."""
    if len(data) < 8:
        return None
    first, second, number, identifier = _GENEVE.unpack_from(data)
    size = 8 + (first & 0x3F) * 4
    if first >> 6 or second & 0x3F or identifier & 0xFF or second & 0x80 or len(data) <= size:
        return None
    return by_ethertype(number, data[size:])


def _gtp_u(data: memoryview) -> Layer | None:
    """3GPP TS 29.281 section 5.1: version 1 user data, with its optional fields and extension headers."""
    if len(data) < 9:
        return None
    flags, kind, length, _tunnel = _GTP.unpack_from(data)
    if flags & 0xF0 != 0x30 or kind != _GTP_DATA or length + 8 < len(data):
        return None
    offset = 12 if flags & 0x07 else 8
    following = data[11] if flags & 0x04 and len(data) >= 12 else 0
    for _ in range(_GTP_MAX_EXTENSIONS):
        if not following or offset >= len(data) or not data[offset]:
            break
        offset += data[offset] * 4
        following = data[offset - 1] if offset <= len(data) else 0
    inner = data[offset:]
    if len(inner) >= 34 and int.from_bytes(inner[12:14], "big") in _INNER_ETHERTYPES and inner[0] >> 4 not in {4, 6}:
        return ethernet(inner)  # an Ethernet session
    return ip_layer(inner) if len(inner) and inner[0] >> 4 in {4, 6} else None


def _teredo(data: memoryview) -> Layer | None:
    """RFC 4380 section 5.1.1: authentication and origin indications, then IPv6."""
    if len(data) >= 13 and data[0] == 0 and data[1] == 1:
        data = data[13 + data[2] + data[3] :]
    if len(data) >= 8 and data[0] == 0 and data[1] == 0:
        data = data[8:]
    return ip_layer(data) if len(data) >= 40 and data[0] >> 4 == 6 else None


def l2tp_3(data: memoryview) -> Layer | None:
    """L2TPv3 data over IP: how long the cookie is was agreed elsewhere, so the EtherType behind it decides."""
    if len(data) < 4 or not any(data[:4]):  # session 0 is control
        return None
    for size in _COOKIES:
        if len(data) >= size + 34 and int.from_bytes(data[size + 12 : size + 14], "big") in _INNER_ETHERTYPES:
            return ethernet(data[size:])
    for size in _COOKIES:
        if len(data) >= size + 40 and data[size] in {0x45, 0x60}:
            return ip_layer(data[size:])
    return None


def _l2tp(data: memoryview) -> Layer | None:
    """RFC 2661 section 3.1: version 2 data messages, which carry PPP."""
    if len(data) < 6:
        return None
    (flags,) = _U16.unpack_from(data)
    if flags == 0x0003:  # RFC 3931 section 4.1.2
        return l2tp_3(data[4:])
    if flags & 0x000F != 2 or flags & 0x8000:
        return None
    offset = 6 + 2 * bool(flags & 0x4000) + 4 * bool(flags & 0x0800)
    if flags & 0x0200:
        if len(data) < offset + 2:
            return None
        offset += 2 + _U16.unpack_from(data, offset)[0]
    return ppp(data[offset:]) if len(data) > offset + 1 else None


def tzsp(data: memoryview) -> Layer | None:
    """TaZmen Sniffer Protocol: tagged fields, an end mark, then the frame."""
    if len(data) < 5 or data[0] != 1 or data[1] > 1:
        return None
    linktype = _TZSP_LINKTYPES.get(data[2] << 8 | data[3])
    offset = 4
    while linktype is not None and offset + 1 < len(data):
        tag, length = data[offset], data[offset + 1]
        if tag == 1:
            return Layer(Space.LINKTYPE, linktype, data[offset + 1 :])
        offset += 1 if tag == 0 else 2 + length
    return None


def _mpls_in_udp(data: memoryview) -> Layer | None:
    """RFC 7510."""
    return mpls(data) if len(data) > 24 else None


def _capwap(data: memoryview) -> Layer | None:
    """RFC 5415 section 4.3, data channel in the clear: 802.3 frames, or 802.11 ones where the T flag says so."""
    if len(data) < 8 or data[0] != 0:  # another version, or DTLS
        return None
    first = int.from_bytes(data[1:4], "big")
    size, is_native, is_fragment, is_keep_alive = (first >> 19) * 4, first & 0x100, first & 0x80, first & 0x08
    if size < 8 or len(data) <= size or is_fragment or is_keep_alive:
        return None
    inner = data[size:]
    return _unswapped(inner) if is_native else Layer(Space.LINKTYPE, ETHERNET, inner)


def _unswapped(inner: memoryview) -> Layer:
    if len(inner) > 1 and inner[0] & 0x0F != 0x08 and inner[1] & 0x0F == 0x08:  # Cisco swaps the frame control
        inner = memoryview(bytes((inner[1], inner[0])) + inner[2:])
    return Layer(Space.LINKTYPE, WLAN, inner)


def _lwapp(data: memoryview) -> Layer | None:
    """RFC 5412 section 4: six bytes, of which the first says that this is data; then 802.11."""
    return _unswapped(data[6:]) if len(data) > 30 and data[0] & 0xC4 == 0 else None


def _aruba(data: memoryview) -> Layer:
    return Layer(Space.LINKTYPE, WLAN, data)


def _lisp(data: memoryview) -> Layer | None:
    """RFC 9300 section 5.1: eight bytes, then IP."""
    return ip_layer(data[8:]) if len(data) >= 28 and data[8] >> 4 in {4, 6} else None


def _gre_in_udp(data: memoryview) -> Layer | Several | None:
    """RFC 8086."""
    return gre(data) if len(data) >= 24 and not data[0] & 0x4F and not data[1] else None


def _gtp_0(data: memoryview) -> Layer | None:
    """3GPP TS 29.060 of 1999, version 0: twenty bytes, then the user's datagram."""
    if len(data) < 40 or data[0] & 0xF0 != 0x10 or data[1] != _GTP_DATA:
        return None
    return ip_layer(data[20:]) if data[20] >> 4 in {4, 6} else None


def _mobile_ip(data: memoryview) -> Layer | None:
    """RFC 3519 section 3.3: tunnelled data between registrations."""
    return ip_layer(data[4:]) if len(data) >= 24 and data[0] == 4 and data[4] >> 4 in {4, 6} else None


def _ayiya(data: memoryview) -> Layer | None:
    """draft-massar-v6ops-ayiya section 3: an identity and a signature, each as long as the first two bytes say."""
    if len(data) < 8 or data[2] & 0x0F != 1:
        return None
    size = 8 + (1 << (data[0] >> 4)) + (data[1] >> 4) * 4
    return ip_layer(data[size:]) if data[3] in {4, 41} and len(data) >= size + 20 else None


def _generic_udp(data: memoryview) -> Layer | None:
    """draft-ietf-intarea-gue section 3: version 0 has a header, version 1 is the datagram itself."""
    if len(data) < 24:
        return None
    if data[0] >> 4 in {4, 6}:
        return ip_layer(data)
    size = 4 + (data[0] & 0x1F) * 4
    plain = data[0] & 0xE0 == 0 and data[1] in {4, 41} and len(data) > size and data[size] >> 4 in {4, 6}
    return ip_layer(data[size:]) if plain else None


def _trill(data: memoryview) -> Layer:
    """RFC 6325 section 3: six bytes and options, then Ethernet."""
    (first,) = unpack(_U16, data)
    return ethernet(cut(data, 6 + (first >> 6 & 0x1F) * 4))


def _fabric_path(data: memoryview) -> Layer:
    """Cisco FabricPath: a tag, then the whole inner Ethernet frame."""
    return ethernet(cut(data, 2))


def _redundancy_tag(data: memoryview) -> Layer:
    """IEC 62439-3 HSR: path, size and sequence number, then the EtherType."""
    (number,) = unpack(_U16, data, 4)
    return by_ethertype(number, data[6:])


TUNNEL_ETHERTYPES: Table = {
    0x22EB: _erspan_3,
    0x22F3: _trill,
    **dict.fromkeys(range(0x8200, 0x8211), _aruba),
    0x883E: _wccp,
    0x8903: _fabric_path,
    0x892F: _redundancy_tag,
    _NSH_ETHERTYPE: _nsh,
}

UDP_PORTS: Table = {
    434: _mobile_ip,
    1701: _l2tp,
    2152: _gtp_u,
    3386: _gtp_0,
    3544: _teredo,
    4789: _vxlan,
    4341: _lisp,
    4754: _gre_in_udp,
    4790: _vxlan,
    5072: _ayiya,
    5247: _capwap,
    6080: _generic_udp,
    6081: _geneve,
    6343: sflow,
    6635: _mpls_in_udp,
    8472: _vxlan,
    12222: _lwapp,
    37008: tzsp,
}
