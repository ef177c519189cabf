"""Look-ups that are counted and not read: plain messages about names that no signature names."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from mmap import mmap

from egret.names import MAX_LABEL, MAX_NAME
from egret.track.copies import Seen
from egret.track.limits import SECOND_NS
from egret.worker.orders import LOOKUP, SIZE, UDP, datagram_lengths, plain_heads, port_number, record, wholes

Buffer = bytes | bytearray | mmap | memoryview

MAX_PLAIN = 1 << 16  # questions; about 200 bytes each
MAX_SHAPE = 128  # bytes of a message behind its id; most have fewer
MAX_DULL = 1 << 16  # pairs of addresses

_COUNTS = struct.Struct("!2xBxHHHH").unpack_from  # side and operation, and how many records
_ORDINARY = re.compile(rb"[a-z0-9_-]+(\.[a-z0-9_-]+)*").fullmatch
_CLOSER: frozenset[int] = frozenset()  # of a question that needs a closer look
_DNS = 53
_U16 = struct.Struct("!H")
_RECORD = struct.Struct("!HH4xH")
_A, _SOA, _AAAA, _OPT, _IN = 1, 6, 28, 41, 1
_ADDRESS_SIZE = {_A: 4, _AAAA: 16}
_HEADER = 12  # where the question's name begins, and so what most owners point to
_ONE_A = b"\xc0\x0c\0\1\0\1"  # how the commonest answer begins: an address of the question's name
_TAIL = -10  # where its time to live, its size and the address are
_SIZE_IN_TAIL, _FOUR = slice(-6, -4), b"\0\4"
_BEHIND_ID, _BEFORE_TAIL, _ADDRESSES = slice(2, None), slice(2, _TAIL), slice(-4)
_ODD = -1  # addresses in an answer that the observer must read
_MANY = 64  # records; more are the observer's to judge
_OPCODE_AND_SIDE, _RESPONSE = 0xF8, 0x80


class PlainLookups:
    """Knows the questions that no signature names, by their bytes on the wire, and whose look-ups say nothing more.

    Args:
        copies: knows copies.
        defer: keeps what an answer teaches: who got it, when, the message.
        consider: knows a question: ``labels_of``.
        wanted: whether look-ups between two ends (as they lie in a frame) are wanted whatever they say, questions or
            (True) answers; remembered until ``forget_ends``.
    """

    def __init__(
        self,
        copies: Seen,
        defer: Callable[[bytes, int, bytes], object],
        consider: Callable[[bytes], frozenset[int]],
        wanted: Callable[[bytes, bool], bool],
    ) -> None:
        self._copies = copies
        self._defer = defer
        self._consider = consider
        self._wanted = wanted
        self._known: dict[bytes, frozenset[int]] = {}
        # What plain messages of known questions say behind their id, and the length of their datagrams: of a question
        # all, of an answer with one address what is before its time to live. Another message that says the same is as
        # plain, which one look-up tells.
        self._shapes: dict[bytes, bytes] = {}
        self._asking: set[bytes] = set()  # both addresses, as they lie in a frame, of questions that nobody wants
        self._answering: dict[bytes, bytes] = {}  # the same of answers, and which of them is the client
        self._queries = self._answers = self._repeated = 0

    def take_counts(self) -> tuple[int, int, int]:
        """How many questions and answers were skipped since the last time, and how many copies of such."""
        counts = self._queries, self._answers, self._repeated
        self._queries = self._answers = self._repeated = 0
        return counts

    def forget(self) -> None:
        """Ask anew which names are flagged, and whose look-ups are wanted."""
        self._known.clear()
        self._shapes.clear()
        self.forget_ends()

    def forget_ends(self) -> None:
        """Ask anew whose look-ups are wanted."""
        self._asking.clear()
        self._answering.clear()

    def run(
        self, window: bytes | memoryview, position: int, order: str, header: int, scale: int, here: int
    ) -> tuple[int, int, int]:
        """Count the records of a pcap file from *position* on that are look-ups as they came before, in second *here*.

        ``skip`` would take each of them: it finds the same in the same tables.

        Returns:
            Where the first is that is none, or not of that second; where the last one was; how many.
        """
        if not isinstance(window, bytes):  # what is cut out of it would be no key
            return position, position, 0
        unpack, second, begun_ns = record(order, header, LOOKUP).unpack_from, SECOND_NS // scale, here * SECOND_NS
        ipv4, udp, dns, sizes = plain_heads(order), wholes(order, UDP), port_number(order, _DNS), datagram_lengths().get
        shape, asking, answering, seen, defer = (
            self._shapes.get, self._asking, self._answering.get, self._copies.seen, self._defer,
        )  # fmt: skip
        end, number, queries, answers, before = len(window), 0, 0, 0, position
        last = end - header - SIZE
        while position <= last:
            seconds, fraction, captured, original, kind, length, fate, addresses, source, port, size, side = unpack(
                window, position
            )
            after = position + header + captured
            if seconds != here or captured != original or after > end or fraction >= second or fate not in udp:
                break
            if kind not in ipv4 or sizes(length) != size or dns not in (source, port):
                break
            wire = window[position + header + 42 : after]
            if side < _RESPONSE:
                if shape(wire[_BEHIND_ID]) != size or addresses not in asking:
                    break
                ends = window[position + header + 26 : position + header + 38]
                queries += not seen(ends, wire, begun_ns + fraction * scale)
            else:
                if shape(wire[_BEFORE_TAIL]) != size or wire[_SIZE_IN_TAIL] != _FOUR:
                    break
                client = answering(addresses)
                if client is None:
                    break
                time_ns = begun_ns + fraction * scale
                if not seen(window[position + header + 26 : position + header + 38], wire, time_ns):
                    defer(client, time_ns, wire)
                    answers += 1
            number += 1
            before, position = position, after
        self._queries += queries
        self._answers += answers
        self._repeated += number - queries - answers
        return position, before, number

    def skip(
        self, buffer: bytes | bytearray | mmap | memoryview, at: int, length: int, ends: bytes, time_ns: int
    ) -> bool:
        """Count the datagram of *length* bytes at *at* if it is a plain look-up; False leaves it to the observer.

        One of its ports is that of DNS.
        """
        if length < 8 + _HEADER:
            return False
        wire, size = bytes(buffer[at + 8 : at + length]), buffer[at + 4 : at + 6]
        if wire[2] & _RESPONSE:
            if self._shapes.get(wire[_BEFORE_TAIL]) == size and wire[_SIZE_IN_TAIL] == _FOUR:
                found = 1
            elif (found := self._read_answer(wire, bytes(size))) < 0:
                return False
            client = self._answering.get(ends[_ADDRESSES]) or self._dull_client(ends)
            if client is None:
                return False
            if self._copies.seen(ends, wire, time_ns):
                self._repeated += 1
            else:
                self._defer(client, time_ns, wire)
                self._answers += found > 0
            return True
        if self._shapes.get(wire[_BEHIND_ID]) != size and not self._is_question(wire, bytes(size)):
            return False
        if ends[_ADDRESSES] not in self._asking and not self._is_dull_asking(ends):
            return False
        if self._copies.seen(ends, wire, time_ns):
            self._repeated += 1
        else:
            self._queries += 1
        return True

    def _is_question(self, wire: bytes, size: bytes) -> bool:
        """Whether a message asks what is known to be plain, and nothing else; *size* is its datagram's."""
        side, questions, answers, others, more = _COUNTS(wire)
        if int.from_bytes(size) != 8 + len(wire) or side & _OPCODE_AND_SIDE or questions != 1 or answers or others:
            return False
        end = wire.find(0, _HEADER) + 5
        labels, before = self._labels(wire[_HEADER:end])
        if not labels or more > 1 or not (_ends_with_edns(wire, end) if more else end == len(wire)):
            return False
        if before:
            self._remember(wire[_BEHIND_ID], size)
        return True

    def _read_answer(self, wire: bytes, size: bytes) -> int:
        """How many addresses an answer to a plain question tells; less than 0: a closer look is needed."""
        side, questions, answers, others, more = _COUNTS(wire)
        if int.from_bytes(size) != 8 + len(wire) or side & _OPCODE_AND_SIDE != _RESPONSE or questions != 1:
            return _ODD
        end = wire.find(0, _HEADER) + 5
        labels, before = self._labels(wire[_HEADER:end])
        if not labels:
            return _ODD
        records = answers + others + more
        if answers == records == 1 and wire[end:_TAIL] == _ONE_A and wire[_SIZE_IN_TAIL] == _FOUR:
            if before:
                self._remember(wire[_BEFORE_TAIL], size)
            return 1
        found = _addresses(wire, end, labels, answers, records)
        return _ODD if found is None else found

    def _labels(self, question: bytes) -> tuple[frozenset[int], bool]:
        """Where the labels of its name begin, nothing if a closer look is needed; and whether it was known before."""
        labels = self._known.get(question)
        return (self._learn(question), False) if labels is None else (labels, True)

    def _remember(self, shape: bytes, size: bytes) -> None:
        """That a question came again: a flood of names leaves nothing here, nor do messages of much padding."""
        if len(shape) > MAX_SHAPE:
            return
        if len(self._shapes) >= MAX_PLAIN:
            self._shapes.clear()
        self._shapes[shape] = size

    def _is_dull_asking(self, ends: bytes) -> bool:
        """Whether nobody wants the questions between two addresses, then remembered."""
        if self._wanted(ends, False):
            return False
        if len(self._asking) >= MAX_DULL:
            self._asking.clear()
        self._asking.add(ends[:-4])
        return True

    def _dull_client(self, ends: bytes) -> bytes | None:
        """Who is told by answers between two addresses that nobody wants, then remembered; None if somebody does."""
        if self._wanted(ends, True):
            return None
        if len(self._answering) >= MAX_DULL:
            self._answering.clear()
        client = self._answering[ends[:-4]] = ends[(len(ends) - 4) // 2 : -4]
        return client

    def _learn(self, question: bytes) -> frozenset[int]:
        """Where the labels of a question's name begin in its message; nothing if a closer look is needed."""
        if len(self._known) >= MAX_PLAIN:
            self._known.clear()
            self._shapes.clear()
        labels = self._known[question] = self._consider(question)
        return labels


def labels_of(question: bytes, flagged: Callable[[str], bool]) -> frozenset[int]:
    """Where the labels of a question's name begin in its message; nothing if a closer look is needed.

    Args:
        question: up to the first zero byte its name, then type and class.
        flagged: whether a signature names a host.
    """
    starts, labels, at = [_HEADER], [], 0
    if len(question) < 6:
        return _CLOSER  # the root, or no name
    while size := question[at]:
        labels.append(question[at + 1 : at + 1 + size])
        at += 1 + size
        if size > MAX_LABEL or at > len(question) - 5:
            return _CLOSER
        starts.append(_HEADER + at)
    name = b".".join(labels).lower()
    if at != len(question) - 5 or len(name) > MAX_NAME or not _ORDINARY(name) or flagged(name.decode()):
        return _CLOSER
    return frozenset(starts)


def _ends_with_edns(wire: bytes, at: int) -> bool:
    """Whether one OPT record takes the rest of the message (RFC 6891 section 6.1.2)."""
    if len(wire) < at + 11 or wire[at] or wire[at + 1 : at + 3] != b"\0\x29":
        return False
    return at + 11 + int.from_bytes(wire[at + 9 : at + 11]) == len(wire)


def _addresses(wire: bytes, at: int, labels: frozenset[int], answers: int, records: int) -> int | None:
    """How many addresses the question's own name has in a response; None if it holds anything but the plainest.

    Args:
        wire: the message.
        at: where its records begin.
        labels: where the labels of the question's name begin.
        answers: how many of the records are answers; they come first.
        records: how many records there are.
    """
    if records > _MANY:
        return None
    found = 0
    try:
        for number in range(records):
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
