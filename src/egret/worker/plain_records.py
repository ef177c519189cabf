"""What the records of an answer tell, if addresses, aliases and service bindings in it are of the plainest shape.

Most answers of large services are an alias or two and the addresses of the last, and browsers ask for HTTPS records as
well; resolvers are told the servers of a zone with their addresses, and signatures. Nothing of them is told where no
signature names what is asked for, nor what the addresses belong to: aliases are only counted. What other types hold
nobody reads. ``native/records.c`` is the same in C, and ``track.lookups`` says what both must count.

Ref: RFC 1035 section 4.1.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from egret.decode.plain_binding import read_binding
from egret.names import MAX_LABEL, MAX_NAME
from egret.value import Struct

MANY = 64  # records; more are the observer's to judge
MAX_HOSTS = 8  # that have addresses, but for what was asked for; a zone's servers are four or less in most

_RECORD = struct.Struct("!HH4xH").unpack_from
_A, _CNAME, _AAAA, _DNAME, _SVCB, _HTTPS, _IN = 1, 5, 28, 39, 64, 65, 1
_ADDRESS_SIZES, _READ = {_A: 4, _AAAA: 16}, frozenset({_A, _CNAME, _AAAA, _DNAME, _SVCB, _HTTPS})
_FIXED, _SMALLEST = 10, 11  # bytes of a record without its owner and data; of one of the root without any
_HEADER, _POINTER, _ASKED = 12, 0xC0, b"\xc0\x0c"  # the last: where the question's name is
_LABEL = re.compile(rb"[A-Za-z0-9_-]+").fullmatch


class Told(Struct, frozen=True):
    """What is counted of an answer."""

    answers: int  # owners of addresses
    aliases: int


def read_records(
    wire: bytes, at: int, records: int, unnamed: Callable[[bytes], bool], *, cut: bool = False
) -> Told | None:
    """What the records of a response tell; None if the observer must read them.

    Args:
        wire: the message.
        at: where its records begin.
        records: how many there are, in whichever sections.
        unnamed: whether no signature names a host, in lower case; of what the question asks for that is known.
        cut: the capture holds less of it than the wire did; then those records count that are whole.
    """
    if records > MANY:
        return None
    aliases, hosts = 0, set[bytes]()
    try:
        for _ in range(records):
            if cut and not _is_there(wire, at):
                break
            owner, at = (_ASKED, at + 2) if wire[at : at + 2] == _ASKED else _name(wire, at)
            rtype, rclass, size = _RECORD(wire, at)
            start, at = at + _FIXED, at + _FIXED + size
            if rtype not in _READ:
                continue
            if rclass != _IN or not owner or at > len(wire):
                return None
            if rtype in _ADDRESS_SIZES:
                if size != _ADDRESS_SIZES[rtype] or (owner not in hosts and not _may_have(owner, hosts, unnamed)):
                    return None
                hosts.add(owner)
            elif rtype == _CNAME:
                target, end = _name(wire, start)
                if not target or end != at:
                    return None
                aliases += 1
            elif rtype != _HTTPS or read_binding(wire[start:at]) is None:
                return None
    except (IndexError, ValueError, struct.error):
        return None
    twice = len(hosts) > 1 and _ASKED in hosts and _name(wire, _HEADER)[0] in hosts
    return Told(len(hosts) - twice, aliases) if cut or at == len(wire) else None


def _is_there(wire: bytes, at: int) -> bool:
    """Whether the record at *at* is whole; raises as ``_name``."""
    if len(wire) - at < _SMALLEST:
        return False
    _, at = _name(wire, at)
    end = at + _FIXED
    return end <= len(wire) and end + int.from_bytes(wire[end - 2 : end]) <= len(wire)


def _may_have(owner: bytes, hosts: set[bytes], unnamed: Callable[[bytes], bool]) -> bool:
    """Whether addresses of *owner* are nothing to tell: what was asked for is known already."""
    return owner == _ASKED or (len(hosts) < MAX_HOSTS and unnamed(owner))


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
