"""What a packet of IP carries, behind whatever stands in front of it: options, extension headers, no length at all.

Where this says something, ``decode.ip`` says the same (tests/property/test_plain_ip.py); fragments, and what is odd,
are left to it. ``worker/native/ip.c`` is the same in C.

Ref: RFC 791; RFC 8200 section 4; RFC 6946 (fragments that are whole).
"""

from __future__ import annotations

from struct import Struct

from egret.decode.ip import EXTENSIONS
from egret.decode.plain_tunnel import Buffer

MAX_EXTENSIONS = 8  # the decoder steps over more

_IPV4, _IPV6 = Struct("!BxHxxHxB").unpack_from, Struct("!4xHB").unpack_from
_EXTENSION, _LEAST = Struct("!BBH").unpack_from, 8
_FRAGMENT, _PIECE = 0x3FFF, 0xFFF9  # offset and "more" of IPv4 and of IPv6
_FRAGMENTED, _AUTHENTICATION = 44, 51
_HEADER_4, _HEADER_6 = 20, 40

Carried = tuple[int, int, int]  # protocol; where it begins; its length, as the headers claim


def carried(buffer: Buffer, at: int, end: int, missing: int) -> Carried | None:
    """What the packet at ``buffer[at:end]`` carries; None if it is a fragment, or its headers are not plain.

    Where no length is said, as in what a card is to cut (TSO), the end of the frame is its end, of which so many bytes
    are *missing*.
    """
    size = end - at
    version = buffer[at] >> 4 if size >= _HEADER_4 else 0
    if version == 4:
        first, total, fragment, protocol = _IPV4(buffer, at)
        header = (first & 0x0F) * 4
        length = (total or size + missing) - header
        is_plain = _HEADER_4 <= header <= size and length >= 0 and not fragment & _FRAGMENT
        return (protocol, at + header, length) if is_plain else None
    return _behind_extensions(buffer, at, end, missing) if version == 6 and size >= _HEADER_6 else None


def _behind_extensions(buffer: Buffer, at: int, end: int, missing: int) -> Carried | None:
    length, protocol = _IPV6(buffer, at)
    body = at + _HEADER_6
    stop = body + length if length else end + missing
    for _ in range(MAX_EXTENSIONS + 1):
        if protocol not in EXTENSIONS:
            return (protocol, body, stop - body) if body <= stop else None
        if end - body < _LEAST:
            break
        number, protocol, size, where = protocol, *_EXTENSION(buffer, body)
        if number == _FRAGMENTED:
            if where & _PIECE:
                break
            body += _LEAST
        else:
            body += (size + 2) * 4 if number == _AUTHENTICATION else (size + 1) * 8
        if body > end:
            break
    return None


def ends_in(buffer: Buffer, at: int, body: int) -> bytes:
    """Both addresses of the packet at *at* and both ports of what begins at *body*, as if nothing were between them."""
    addresses = buffer[at + 12 : at + 20] if buffer[at] >> 4 == 4 else buffer[at + 8 : at + 40]
    return bytes(addresses) + bytes(buffer[body : body + 4])
