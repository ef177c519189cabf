"""What may stand where TCP and UDP stand, and carries a datagram or a frame again: one function and one row each.

Ref: RFC 792 and 4443 (errors quote a datagram), 2004 (minimal encapsulation), 3378 (EtherIP), 3931 (L2TPv3),
4303 with 2410 (IPsec without encryption), 8986 section 4.4 (Ethernet).
"""

from __future__ import annotations

from struct import Struct

from egret.decode.ip import TCP, UDP
from egret.decode.layer import Layer, Several, Table, ip_layer
from egret.decode.link import cut, ethernet, mpls
from egret.decode.reader import unpack
from egret.decode.tunnel import gre, l2tp_3

_MINIMAL = Struct("!BBHI")
_IPV4_HEADER = Struct("!BBHHHBBHII")
_HAS_SOURCE = 0x80

ERRORS, ERRORS6 = frozenset({3, 4, 5, 11, 12}), frozenset({1, 2, 3, 4})
_QUOTED = 20 + 20 + 12  # a datagram that has room for the headers, and for the head of a message
_PIM_REGISTER = 0x21

_ESP_HEADER = 8
CHECKS = (12, 16, 0, 8, 24, 32)  # bytes of integrity check value, by how often they are met
_TUNNELLED = frozenset({(4, 4), (41, 6)})


def _quoted(data: memoryview) -> Several | None:
    """An ICMP error sends a datagram's head back to where it came from: a look-up or a request may be whole in it."""
    return _with_ports(data[8:], 9) if len(data) and data[0] in ERRORS else None


def _quoted6(data: memoryview) -> Several | None:
    return _with_ports(data[8:], 6) if len(data) and data[0] in ERRORS6 else None


def _with_ports(data: memoryview, protocol_at: int) -> Several | None:
    has_ports = len(data) >= _QUOTED and data[protocol_at] in {TCP, UDP}
    return Several((ip_layer(data),), quoted=True) if has_ports else None


def _minimal(data: memoryview) -> Layer:
    """RFC 2004: the inner header lost what the outer one says, so it is written out again."""
    protocol, flags, _, destination = unpack(_MINIMAL, data)
    size = 12 if flags & _HAS_SOURCE else 8
    body = cut(data, size)
    source = int.from_bytes(data[8:size], "big")
    head = _IPV4_HEADER.pack(0x45, 0, min(0xFFFF, 20 + len(body)), 0, 0, 64, protocol, 0, source, destination)
    return ip_layer(memoryview(head + body))


def _unencrypted(data: memoryview) -> Layer | None:
    """ESP with NULL encryption (RFC 2410): the trailer's padding counts up, and what it names is really there."""
    for check in CHECKS:
        end = len(data) - check - 2
        if end <= _ESP_HEADER:
            continue
        padding, following = data[end], data[end + 1]
        start = end - padding
        if start <= _ESP_HEADER or bytes(data[start:end]) != bytes(range(1, padding + 1)):
            continue
        inner = data[_ESP_HEADER:start]
        if (following, inner[0] >> 4) in _TUNNELLED:
            return ip_layer(inner)
    return None


def _register(data: memoryview) -> Layer | None:
    """PIM (RFC 7761 section 4.9.3): a router hands a multicast datagram on."""
    return ip_layer(data[8:]) if len(data) > 28 and data[0] == _PIM_REGISTER else None


def _etherip(data: memoryview) -> Layer:
    """RFC 3378."""
    return ethernet(cut(data, 2))


IP_PROTOCOLS: Table = {
    1: _quoted,
    4: ip_layer,
    41: ip_layer,
    47: gre,
    50: _unencrypted,
    55: _minimal,
    58: _quoted6,
    94: ip_layer,
    97: _etherip,
    103: _register,
    115: l2tp_3,
    137: mpls,
    143: ethernet,
}
