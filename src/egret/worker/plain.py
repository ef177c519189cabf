"""Look-ups that are counted and not read: plain messages about names that no signature names."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from mmap import mmap

from egret.model import Endpoint, Kind, Transport
from egret.names import MAX_LABEL, MAX_NAME
from egret.track.heard import Heard
from egret.track.lookups import Lookups

MAX_PLAIN = 1 << 16  # questions; about 200 bytes each

_DNS_PORT = b"\0\x35"
_ORDINARY = re.compile(rb"[a-z0-9_-]+(\.[a-z0-9_-]+)*").fullmatch
_U16 = struct.Struct("!H")
_RECORD = struct.Struct("!HH4xH")
_A, _SOA, _AAAA, _OPT, _IN = 1, 6, 28, 41, 1
_ADDRESS_SIZE = {_A: 4, _AAAA: 16}
_HEADER = 12  # where the question's name begins, and so what most owners point to
_EMPTY = b"\0\1\0\0\0\0\0"  # the counts of a query but their last byte: EDNS or not
_MANY = 64  # records; more are the observer's to judge
_OPCODE_AND_SIDE, _RESPONSE = 0xF8, 0x80


class PlainLookups:
    """Knows the questions that no signature names, by their bytes on the wire.

    Args:
        lookups: knows copies, and keeps what answers teach.
        flagged: whether a signature names a host.
        matters: whether any question of a client does, or any answer that a server gives it (packed addresses).
    """

    def __init__(
        self, lookups: Lookups, flagged: Callable[[str], bool], matters: Callable[[bytes, bytes | None], bool]
    ) -> None:
        self._matters = matters
        self._lookups = lookups
        self._flagged = flagged
        self._known: dict[bytes, frozenset[int] | None] = {}
        self._queries = self._answers = 0

    def take_counts(self) -> Iterator[tuple[Kind, int]]:
        """How many names were skipped since the last time."""
        counts = (Kind.QUERY, self._queries), (Kind.ANSWER, self._answers)
        self._queries = self._answers = 0
        return ((kind, number) for kind, number in counts if number)

    def forget(self) -> None:
        """Ask anew which names are flagged."""
        self._known.clear()

    def skip(self, buffer: bytes | bytearray | mmap, at: int, length: int, ends: bytes, time_ns: int) -> bool:
        """Count the datagram of *length* bytes at *at* if it is a plain look-up; False leaves it to the observer."""
        if _DNS_PORT not in {ends[-4:-2], ends[-2:]} or length < 8 + _HEADER:
            return False
        if buffer[at + 4 : at + 6] != length.to_bytes(2):
            return False
        wire = bytes(buffer[at + 8 : at + length])
        end = wire.find(0, _HEADER) + 5
        labels = self._labels(wire[_HEADER:end]) if end > _HEADER + 5 else None
        if labels is None:
            return False
        side = wire[2] & _OPCODE_AND_SIDE
        if side == 0:
            return self._query(wire, end, ends, time_ns)
        return side == _RESPONSE and self._response(wire, end, labels, ends, time_ns)

    def _query(self, wire: bytes, end: int, ends: bytes, time_ns: int) -> bool:
        if wire[4:11] != _EMPTY or not (end == len(wire) if wire[11] == 0 else _ends_with_edns(wire, end)):
            return False
        source, destination = endpoints(ends)
        if self._matters(source.ip, None):
            return False
        if not self._lookups.is_copy(wire, source, destination, time_ns):
            self._queries += 1
        return True

    def _response(self, wire: bytes, end: int, labels: frozenset[int], ends: bytes, time_ns: int) -> bool:
        addresses = _addresses(wire, end, labels)
        if addresses is None:
            return False
        source, destination = endpoints(ends)
        if self._matters(destination.ip, source.ip):
            return False
        if not self._lookups.is_copy(wire, source, destination, time_ns):
            heard = Heard(time_ns, Transport.UDP, source, destination, None)
            self._lookups.deferred.add(wire, heard)
            self._answers += addresses > 0
        return True

    def _labels(self, question: bytes) -> frozenset[int] | None:
        """Where the labels of a question's name begin in its message; None if a closer look is needed."""
        try:
            return self._known[question]
        except KeyError:
            if len(self._known) >= MAX_PLAIN:
                self._known.clear()
            labels = self._known[question] = self._consider(question)
            return labels

    def _consider(self, question: bytes) -> frozenset[int] | None:
        starts, labels, at = [_HEADER], [], 0
        while size := question[at]:
            labels.append(question[at + 1 : at + 1 + size])
            at += 1 + size
            if size > MAX_LABEL or at > len(question) - 5:
                return None
            starts.append(_HEADER + at)
        name = b".".join(labels).lower()
        if at != len(question) - 5 or len(name) > MAX_NAME or not _ORDINARY(name) or self._flagged(name.decode()):
            return None
        return frozenset(starts)


def endpoints(ends: bytes) -> tuple[Endpoint, Endpoint]:
    """Source and destination, from both addresses and both ports as they lie in a frame."""
    size = (len(ends) - 4) // 2
    source = Endpoint(ends[:size], int.from_bytes(ends[-4:-2]))
    return source, Endpoint(ends[size:-4], int.from_bytes(ends[-2:]))


def _ends_with_edns(wire: bytes, at: int) -> bool:
    """Whether one OPT record takes the rest of the message (RFC 6891 section 6.1.2)."""
    if len(wire) < at + 11 or wire[at] or wire[at + 1 : at + 3] != b"\0\x29":
        return False
    return at + 11 + int.from_bytes(wire[at + 9 : at + 11]) == len(wire)


def _addresses(wire: bytes, at: int, labels: frozenset[int]) -> int | None:
    """How many addresses the question's own name has in a response; None if it holds anything but the plainest."""
    if wire[4:6] != b"\0\1" or wire[6] or wire[8] or wire[10]:
        return None
    answers, found = wire[7], 0
    if answers + wire[9] + wire[11] > _MANY:
        return None
    try:
        for number in range(answers + wire[9] + wire[11]):
            owner = wire[at]
            if owner >= 0xC0:
                owner = _U16.unpack_from(wire, at)[0] & 0x3FFF
                at += 2
                if owner not in labels:
                    return None
            elif owner == 0:
                at += 1
            else:
                return None
            rtype, rclass, size = _RECORD.unpack_from(wire, at)
            at += 10 + size
            if rtype in _ADDRESS_SIZE:
                if owner != _HEADER or number >= answers or rclass != _IN or size != _ADDRESS_SIZE[rtype]:
                    return None
                found += 1
            elif rtype not in {_SOA, _OPT}:
                return None
    except (IndexError, struct.error):
        return None
    return found if at == len(wire) else None
