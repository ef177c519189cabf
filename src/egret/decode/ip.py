"""IPv4 and IPv6 headers: addresses, what they carry, and the bytes that are really payload.

Checksums are never verified: with offloading, a host's own frames carry none yet.
Ref: RFC 791, RFC 8200, RFC 2675 (jumbograms).
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from egret.decode.reader import unpack
from egret.errors import Malformed, Reason, Truncated

TCP, UDP = 6, 17

_IPV4 = Struct("!BxHHHxB2x4s4s")
_IPV6 = Struct("!4xHBx16s16s")
_FRAGMENT = Struct("!BxHI")
_EXTENSION = Struct("!BB")

_HOP_BY_HOP, _ROUTING, _FRAGMENTED, _AUTHENTICATION, _OPTIONS = 0, 43, 44, 51, 60
_MOBILITY, _HIP, _SHIM6 = 135, 139, 140
_CHAIN = frozenset({_HOP_BY_HOP, _ROUTING, _AUTHENTICATION, _OPTIONS, _MOBILITY, _HIP, _SHIM6})
EXTENSIONS = _CHAIN | {_FRAGMENTED}  # what stands between IPv6 and its payload
_MAX_EXTENSIONS = 16  # real stacks drop longer chains (RFC 7045, RFC 8504 section 5.3); Reason.TOO_DEEP beyond


class Fragment(NamedTuple):
    """Where a datagram's payload stands in the whole that it was cut from."""

    version: int
    identification: int
    offset: int  # bytes
    more: bool


class Datagram(NamedTuple):
    """One IP datagram. *payload* borrows the frame's memory."""

    source: bytes
    destination: bytes
    protocol: int
    payload: memoryview
    wire_length: int  # payload bytes that the header claims: more than len(payload) when the snap length cut them
    fragment: Fragment | None = None


def parse_ip(data: memoryview, missing: int = 0) -> Datagram:
    """Parse one IP datagram, either version.

    Args:
        data: from the first byte of the IP header; what follows the datagram (padding) is ignored.
        missing: bytes that the snap length cut from the frame's end; used where the header states no length.

    Raises:
        Truncated: the headers are not all here.
        Malformed: no IP version, or lengths that contradict each other.
        Unsupported: an IPv6 extension chain that is too long.
    """
    if not len(data):
        raise Truncated(0)
    version = data[0] >> 4
    if version == 4:
        return _parse_ipv4(data, missing)
    if version == 6:
        return _parse_ipv6(data, missing)
    raise Malformed(Reason.BAD_VALUE, 0)


def _parse_ipv4(data: memoryview, missing: int) -> Datagram:
    first, total, identification, fragment_field, protocol, source, destination = unpack(_IPV4, data)
    header = (first & 0x0F) * 4
    if header < 20:
        raise Malformed(Reason.BAD_LENGTH, 0)
    # A total length of 0 is a super-packet that the card was to cut (TSO), or one above 64 KB.
    total = total or len(data) + missing
    if total < header:
        raise Malformed(Reason.BAD_LENGTH, 2)
    if len(data) < header:
        raise Truncated(len(data))
    fragment = None
    if fragment_field & 0x3FFF:
        offset = (fragment_field & 0x1FFF) * 8
        fragment = Fragment(4, identification, offset, bool(fragment_field & 0x2000))
    datagram = Datagram(source, destination, protocol, data[header:total], total - header, fragment)
    return _authenticated(datagram) if protocol == _AUTHENTICATION and fragment is None else datagram


def _authenticated(datagram: Datagram) -> Datagram:
    """Step over an authentication header (RFC 4302 section 2): it signs, it does not hide."""
    protocol, length = unpack(_EXTENSION, datagram.payload)
    size = (length + 2) * 4
    if len(datagram.payload) < size:
        raise Truncated(len(datagram.payload))
    return datagram._replace(
        protocol=protocol, payload=datagram.payload[size:], wire_length=max(0, datagram.wire_length - size)
    )


def _parse_ipv6(data: memoryview, missing: int) -> Datagram:
    length, protocol, source, destination = unpack(_IPV6, data)
    # 0 is a jumbogram (RFC 2675) or a super-packet: the frame's end is its end.
    end = 40 + length if length else len(data) + missing
    offset = 40
    fragment = None
    for _ in range(_MAX_EXTENSIONS):
        if protocol == _FRAGMENTED:
            protocol, where, identification = unpack(_FRAGMENT, data, offset)
            offset += 8
            if where & 0xFFF9:
                fragment = Fragment(6, identification, where & 0xFFF8, bool(where & 1))
                break
            continue  # an atomic fragment (RFC 6946) is whole
        if protocol not in _CHAIN:
            break
        protocol, offset = _step(protocol, data, offset)
    else:
        raise Malformed(Reason.TOO_DEEP, offset)
    if offset > end:
        raise Malformed(Reason.BAD_LENGTH, 4)
    return Datagram(source, destination, protocol, data[offset:end], end - offset, fragment)


def continue_chain(datagram: Datagram) -> Datagram:
    """Step over extension headers that stood behind the fragment header and are whole only now."""
    protocol, payload = datagram.protocol, datagram.payload
    offset = 0
    for _ in range(_MAX_EXTENSIONS):
        if protocol not in _CHAIN:
            break
        protocol, offset = _step(protocol, payload, offset)
    else:
        raise Malformed(Reason.TOO_DEEP, offset)
    return datagram._replace(
        protocol=protocol,
        payload=payload[offset:],
        wire_length=max(0, datagram.wire_length - offset),
        fragment=None,
    )


def _step(protocol: int, data: memoryview, offset: int) -> tuple[int, int]:
    """The next protocol and its offset, over one extension header (RFC 8200 section 4)."""
    following, length = unpack(_EXTENSION, data, offset)
    offset += (length + 2) * 4 if protocol == _AUTHENTICATION else (length + 1) * 8
    if offset > len(data):
        raise Truncated(len(data))
    return following, offset
