"""Where the inner packet begins in a tunnel of the plainest shape: GRE and ERSPAN, IP in IP, VXLAN, GTP-U, MPLS.

Where this says something, ``decode.packet`` finds the same (tests/property/test_plain_link.py); all else is left to it.
``worker/native/tunnels.c`` is the same in C.

Ref: RFC 2784 and 2890 (GRE), 2003 and 4213 (IP in IP), 7348 (VXLAN), 3032 (MPLS); 3GPP TS 29.281 (GTP-U).
"""

from __future__ import annotations

from mmap import mmap
from struct import Struct

from egret.decode.link import ETHERNET, IPV4, IPV6

Buffer = bytes | bytearray | mmap | memoryview

MAX_DEPTH = 2  # tunnels in tunnels; the decoder opens more, and counts headers
_BARE = 0  # what is in a tunnel: IP; else a frame of Ethernet
_IPV4, _IPV6 = Struct("!BxHxxHxB").unpack_from, Struct("!4xHB").unpack_from
_PORTS = Struct("!HHH").unpack_from  # of UDP, with its length
_GRE, _U32 = Struct("!HH").unpack_from, Struct("!I").unpack_from
_FRAGMENT, _UDP_HEADER = 0x3FFF, 8
_IN_IP, _GRE_PROTOCOL, _UDP = frozenset({4, 41}), 47, 17
_CHECKSUM, _KEY, _SEQUENCE = 0x8000, 0x2000, 0x1000
_PLAIN_GRE = frozenset({0, _KEY, _SEQUENCE, _KEY | _SEQUENCE, _CHECKSUM})
_BRIDGED, _ERSPAN, _ERSPAN_HEADER = 0x6558, 0x88BE, 8
_VXLAN, _VXLAN_PORTS, _LEAST_VXLAN = 0x08000000, frozenset({4789, 8472}), 8 + 14
_DNS_PORT, _GTP_PORT, _GTP, _GTP_HEADER = 53, 2152, 0x30FF, 8
_VXLAN_GPE, _GENEVE, _GENEVE_HEADER = 4790, 6081, 8
_MAX_LABELS, _BOTTOM = 4, 0x100

Inner = tuple[int, int, int]  # ETHERNET or bare; where it begins and ends


def inner_of(buffer: Buffer, at: int, end: int) -> Inner | None:
    """What the packet of IP at ``buffer[at:end]`` carries; None if it is no plain tunnel. It has 40 bytes or more."""
    if buffer[at] == 0x45:
        _, total, fragment, protocol = _IPV4(buffer, at)
        body, stop = at + 20, at + total
        if fragment & _FRAGMENT:
            return None
    elif buffer[at] >> 4 == 6:
        total, protocol = _IPV6(buffer, at)
        body, stop = at + 40, at + 40 + total
    else:
        return None
    if not body < stop <= end:
        return None
    if protocol == _UDP:
        return _in_datagram(buffer, body, stop)
    if protocol == _GRE_PROTOCOL:
        return _in_gre(buffer, body, stop)
    return (_BARE, body, stop) if protocol in _IN_IP else None


def _in_gre(buffer: Buffer, at: int, end: int) -> Inner | None:
    if end - at < 4:
        return None
    flags, number = _GRE(buffer, at)
    if flags not in _PLAIN_GRE:
        return None
    at += 4 * flags.bit_count() + 4
    if number in {IPV4, IPV6}:
        return _BARE, at, end
    if number == _ERSPAN and flags & _SEQUENCE:
        at += _ERSPAN_HEADER
    return (ETHERNET, at, end) if number in {_BRIDGED, _ERSPAN} else None


def _in_datagram(buffer: Buffer, at: int, end: int) -> Inner | None:
    if end - at < _UDP_HEADER + _LEAST_VXLAN:
        return None
    source, port, size = _PORTS(buffer, at)
    body, stop = at + _UDP_HEADER, at + size
    if size < _UDP_HEADER + _LEAST_VXLAN or stop > end or source == _DNS_PORT:
        return None
    if port in _VXLAN_PORTS:
        is_plain = _U32(buffer, body)[0] == _VXLAN and buffer[body + 7] == 0
        return (ETHERNET, body + 8, stop) if is_plain else None
    if port != _GTP_PORT or _GRE(buffer, body) != (_GTP, stop - body - _GTP_HEADER):
        return None
    return (_BARE, body + _GTP_HEADER, stop) if buffer[body + _GTP_HEADER] >> 4 in {4, 6} else None


def is_none(port: int, buffer: Buffer, at: int, end: int) -> bool:
    """Whether the payload at ``buffer[at:end]`` is surely not what a *port* of UDP says: others use it as well.

    Of the ports that are told here; ``decode.tunnel`` then says None.
    """
    if port in _VXLAN_PORTS or port == _VXLAN_GPE:
        return end - at < _LEAST_VXLAN or buffer[at] & 0x48 != 0x08 or buffer[at + 7] != 0
    if port == _GTP_PORT:
        return end - at <= _GTP_HEADER or buffer[at] >> 4 != _GTP >> 12 or buffer[at + 1] != _GTP & 0xFF
    if port == _GENEVE:
        return end - at < _GENEVE_HEADER or buffer[at] > 0x3F or buffer[at + 1] & 0xBF != 0 or buffer[at + 7] != 0
    return False


def behind_labels(buffer: Buffer, at: int, end: int) -> int | None:
    """Where IP begins behind a few labels of MPLS; None if there are many, or something else is behind them."""
    for _ in range(_MAX_LABELS):
        if end - at <= 4:
            return None
        (label,) = _U32(buffer, at)
        at += 4
        if label & _BOTTOM:
            return at if buffer[at] >> 4 in {4, 6} else None
    return None
