"""Where IP begins in a frame whose link headers are plain, so that frames can be passed over without an object.

Ethernet, with VLAN tags, PPPoE or labels of MPLS; Linux "cooked", which ``tcpdump -i any`` writes; the BSDs' loopback;
bare IP, as of tunnels and PPP. In any of them plain tunnels. Where this says something, ``decode.packet`` finds the
same (tests/property/test_plain_link.py). ``worker/native/link.c`` is the same in C.

Ref: www.tcpdump.org/linktypes.html; IEEE 802.1Q, 802.1ad; RFC 2516 section 4 (PPPoE).
"""

from __future__ import annotations

from struct import Struct

from egret.decode.link import ADDRESS_FAMILIES, ETHERNET, IPV4, IPV6, RADIO_HEADERS
from egret.decode.plain_tunnel import MAX_DEPTH, Buffer, behind_labels, inner_of

__all__ = ["SMALLEST", "Buffer", "behind_tags", "ip_in"]

SMALLEST = 20 + 20  # of IP and what it carries: nobody looks at less

_MAX_TAGS = 2
_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_IP, _MPLS = frozenset({IPV4, IPV6}), frozenset({0x8847, 0x8848})
_PPPOE, _PPPOE_HEADER, _SESSION, _PPP_IP = 0x8864, 8, 0x1100, frozenset({0x21, 0x57})
_U16, _U32 = Struct("!H").unpack_from, Struct("!I").unpack_from
_PPPOE_FIELDS = Struct("!HxxHH").unpack_from  # version, type and code; length; PPP's protocol
_LENGTHS = Struct("!BxHH").unpack_from  # of IPv4 the whole, of IPv6 what is behind its header
_COOKED_1, _COOKED_2 = Struct("!2xH10xH").unpack_from, Struct("!H6xH").unpack_from
_PPP_ON_ISDN = 0xFF03


def ip_in(buffer: Buffer, start: int, end: int, linktype: int) -> tuple[int, int] | None:
    """Where the innermost IP begins and ends in ``buffer[start:end]``; None if headers are not plain, or it is small.

    Whether a header of IP is there, and which, is told by its first byte.
    """
    found = _in_link(buffer, start, end, linktype)
    return found if found is None else innermost(buffer, *found) or found


def innermost(buffer: Buffer, at: int, end: int) -> tuple[int, int] | None:
    """Where the innermost IP begins and ends in what the packet at ``buffer[at:end]`` carries; None: no tunnel."""
    found = None
    for _ in range(MAX_DEPTH):
        inner = inner_of(buffer, at, end)
        if inner is None:
            break
        link, at, end = inner
        if link == ETHERNET:
            behind = _in_link(buffer, at, end, link)
            if behind is None:
                break
            at, end = behind
        if end - at < SMALLEST:
            break
        found = at, end
    return found


def _in_link(buffer: Buffer, start: int, end: int, linktype: int) -> tuple[int, int] | None:
    if linktype == ETHERNET:
        return _behind(_U16(buffer, start + 12)[0], buffer, start + 14, end) if end - start >= 14 + SMALLEST else None
    find = _LINKS.get(linktype)
    return find(buffer, start, end) if find is not None and end - start >= SMALLEST else None


def behind_tags(buffer: Buffer, start: int, end: int) -> tuple[int, int]:
    """The EtherType of the frame at ``buffer[start:end]``, which has a header, and where what it announces begins."""
    return _untagged(_U16(buffer, start + 12)[0], buffer, start + 14, end)


def _untagged(number: int, buffer: Buffer, at: int, end: int) -> tuple[int, int]:
    tags = 0
    while number in _TAGS and tags < _MAX_TAGS and end - at >= 4:
        (number,) = _U16(buffer, at + 2)
        at += 4
        tags += 1
    return number, at


def _behind(number: int, buffer: Buffer, at: int, end: int) -> tuple[int, int] | None:
    """IP behind an EtherType, which is followed by what begins at *at*."""
    if number in _TAGS:
        number, at = _untagged(number, buffer, at, end)
    if number == _PPPOE:
        return _in_session(buffer, at, end)
    if number in _MPLS:
        bottom = behind_labels(buffer, at, end)
        return (bottom, end) if bottom is not None and end - bottom >= SMALLEST else None
    return (at, end) if number in _IP and end - at >= SMALLEST else None


def _in_session(buffer: Buffer, at: int, end: int) -> tuple[int, int] | None:
    """IP in PPP over Ethernet, which must be all of it: what is cut off by PPPoE's own length is odd."""
    if end - at < _PPPOE_HEADER + SMALLEST:
        return None
    head, length, protocol = _PPPOE_FIELDS(buffer, at)
    at += _PPPOE_HEADER
    first, whole, behind = _LENGTHS(buffer, at)
    claimed = whole if first >> 4 == 4 else 40 + behind
    return (at, end) if head == _SESSION and protocol in _PPP_IP and claimed <= length - 2 else None


def _cooked_v1(buffer: Buffer, start: int, end: int) -> tuple[int, int] | None:
    hardware, number = _COOKED_1(buffer, start)
    return None if hardware in RADIO_HEADERS else _behind(number, buffer, start + 16, end)


def _cooked_v2(buffer: Buffer, start: int, end: int) -> tuple[int, int] | None:
    number, hardware = _COOKED_2(buffer, start)
    return None if hardware in RADIO_HEADERS else _behind(number, buffer, start + 20, end)


def _null(buffer: Buffer, start: int, end: int) -> tuple[int, int] | None:
    (family,) = _U32(buffer, start)
    if family >> 16 == _PPP_ON_ISDN or end - start < 4 + SMALLEST:
        return None
    if family > 0xFFFF:
        family = int.from_bytes(buffer[start : start + 4], "little")
    return (start + 4, end) if family in ADDRESS_FAMILIES else None


def _bare(_buffer: Buffer, start: int, end: int) -> tuple[int, int]:
    return start, end


_LINKS = {
    0: _null,
    12: _bare,
    14: _bare,
    101: _bare,
    108: _null,
    113: _cooked_v1,
    228: _bare,
    229: _bare,
    276: _cooked_v2,
}
