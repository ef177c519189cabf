"""What the records of an answer tell, if they are addresses, aliases and service bindings of the plainest shape.

Most answers of large services are an alias or two and the addresses of the last, and browsers ask for HTTPS records as
well. Nothing of them is told where no signature names what is asked for, nor what the addresses belong to: aliases are
only counted. ``native/records.c`` is the same in C, and ``track.lookups`` says what both must count.

Ref: RFC 1035 section 4.1, RFC 9460 section 2.2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import NamedTuple

from egret.names import MAX_LABEL, MAX_NAME

MANY = 64  # records; more are the observer's to judge

_RECORD = struct.Struct("!HH4xH").unpack_from
_PARAMETER = struct.Struct("!HH").unpack_from
_A, _CNAME, _SOA, _AAAA, _OPT, _HTTPS, _IN = 1, 5, 6, 28, 41, 65, 1
_ADDRESS_SIZES, _NOTHING = {_A: 4, _AAAA: 16}, frozenset({_SOA, _OPT})
_HEADER, _POINTER, _ASKED = 12, 0xC0, b"\xc0\x0c"  # the last: where the question's name is
_LABEL = re.compile(rb"[A-Za-z0-9_-]+").fullmatch
_ALPN, _PORT, _IPV4_HINT, _IPV6_HINT = 1, 3, 4, 6


class Told(NamedTuple):
    """What is counted of an answer."""

    answers: int  # 1 where an owner has addresses
    aliases: int


def read_records(wire: bytes, at: int, answers: int, records: int, unnamed: Callable[[bytes], bool]) -> Told | None:
    """What the records of a response tell; None if the observer must read them.

    Args:
        wire: the message.
        at: where its records begin.
        answers: how many of the records are answers; they come first.
        records: how many records there are.
        unnamed: whether no signature names a host, in lower case; of what the question asks for that is known.
    """
    if records > MANY:
        return None
    aliases, whose = 0, b""
    try:
        for number in range(records):
            owner, at = (_ASKED, at + 2) if wire[at : at + 2] == _ASKED else _name(wire, at)
            rtype, rclass, size = _RECORD(wire, at)
            start, at = at + 10, at + 10 + size
            if rtype in _NOTHING:
                continue
            if number >= answers or rclass != _IN or not owner or at > len(wire):
                return None
            if rtype in _ADDRESS_SIZES:
                if size != _ADDRESS_SIZES[rtype] or (owner != whose and (whose or not _may_have(owner, unnamed))):
                    return None
                whose = owner
            elif rtype == _CNAME:
                target, end = _name(wire, start)
                if not target or end != at:
                    return None
                aliases += 1
            elif rtype != _HTTPS or not is_plain_binding(wire[start:at]):
                return None
    except (IndexError, ValueError, struct.error):
        return None
    return Told(1 if whose else 0, aliases) if at == len(wire) else None


def _may_have(owner: bytes, unnamed: Callable[[bytes], bool]) -> bool:
    """Whether addresses of *owner* are nothing to tell: what was asked for is known already."""
    return owner == _ASKED or unnamed(owner)


def _name(wire: bytes, at: int) -> tuple[bytes, int]:
    """The name at *at* in lower case, and where it ends; nothing for the root.

    Raises:
        ValueError: it has odd bytes, is too long, or a pointer that leads ahead.
        IndexError: it is not whole.
    """
    labels, size, piece, after = list[bytes](), 0, at, 0
    while length := wire[at]:
        if length >= _POINTER:
            target = (length & 0x3F) << 8 | wire[at + 1]
            after = after or at + 2
            if not _HEADER <= target < piece:
                raise ValueError
            at = piece = target
            continue
        label = wire[at + 1 : at + 1 + length]
        size += 1 + length
        if length > MAX_LABEL or size > MAX_NAME + 1 or len(label) < length or not _LABEL(label):
            raise ValueError
        labels.append(label)
        at += 1 + length
    return b".".join(labels).lower(), after or at + 1


def is_plain_binding(data: bytes) -> bool:
    """Whether the data of an HTTPS record is a binding that no reader refuses: parameters in order, each well formed.

    Raises:
        IndexError, struct.error: it is not whole.
    """
    if data[:2] == b"\0\0":  # an alias
        return False
    at, last = 2, 0
    while length := data[at]:  # the target, which is not compressed
        if length > MAX_LABEL or not _LABEL(data[at + 1 : at + 1 + length]) or at > MAX_NAME:
            return False
        at += 1 + length
    at += 1
    while at < len(data):
        key, size = _PARAMETER(data, at)
        value = data[at + 4 : at + 4 + size]
        if key <= last or len(value) < size or not _is_plain_parameter(key, value):
            return False
        at, last = at + 4 + size, key
    return True


def _is_plain_parameter(key: int, value: bytes) -> bool:
    size = len(value)
    if key == _ALPN:
        return _are_identifiers(value)
    if key == _PORT:
        return size == 2
    if key in {_IPV4_HINT, _IPV6_HINT}:
        return size > 0 and size % (4 if key == _IPV4_HINT else 16) == 0
    return False  # ECH has a structure of its own


def _are_identifiers(value: bytes) -> bool:
    at = 0
    while at < len(value):
        if not value[at]:
            return False
        at += 1 + value[at]
    return 0 < at == len(value)
