"""Look-ups that are counted and not read: plain messages about names that no signature names."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from mmap import mmap

from egret.names import MAX_LABEL, MAX_NAME
from egret.track.copies import Copies
from egret.track.limits import SECOND_NS
from egret.track.lookups import Lookups
from egret.track.waiting import Waiting
from egret.worker.orders import LOOKUP, SIZE, UDP, datagram_lengths, plain_heads, port_number, record, wholes
from egret.worker.plain_records import Told, read_records

Buffer = bytes | bytearray | mmap | memoryview
IsCopy = Callable[[bytes, bytes, int], bool]  # of a message: its ends, what it says, when it came

MAX_PLAIN = 1 << 16  # questions; about 200 bytes each
MAX_SHAPE = 128  # bytes of a message behind its id; most have fewer
MAX_MESSAGE = 4_096  # bytes, over TCP
MAX_DULL = 1 << 16  # pairs of addresses

_COUNTS = struct.Struct("!2xBxHHHH").unpack_from  # side and operation, and how many records
_ORDINARY = re.compile(rb"[a-z0-9_-]+(\.[a-z0-9_-]+)*").fullmatch
_DNS = 53
_HEADER = 12  # where the question's name begins
_ONE_A = b"\xc0\x0c\0\1\0\1"  # how the commonest answer begins: an address of the question's name
_TAIL = -10  # where its time to live, its size and the address are
_SIZE_IN_TAIL, _FOUR = slice(-6, -4), b"\0\4"
_BEHIND_ID, _BEFORE_TAIL, _ADDRESSES = slice(2, None), slice(2, _TAIL), slice(-4)
_ONE_ADDRESS = Told(1, 0)
_OPT, _SMALLEST_RECORD = b"\0\0\x29", 11  # how EDNS begins; bytes of a record at the least
_OPCODE_AND_SIDE, _RESPONSE = 0xF8, 0x80


class PlainLookups:
    """Knows the questions that no signature names, by their bytes on the wire, and whose look-ups say nothing more.

    Args:
        copies: knows copies.
        defer: keeps what answers teach: who got each, when, the message.
        flagged: whether a signature names a host.
        wanted: whether look-ups between two ends (as they lie in a frame) are wanted whatever they say, questions or
            (True) answers; remembered until ``forget_ends``.
    """

    def __init__(
        self,
        copies: Copies,
        defer: Callable[[Sequence[tuple[bytes, int, bytes]]], object],
        flagged: Callable[[str], bool],
        wanted: Callable[[bytes, bool], bool],
    ) -> None:
        self._copies = copies
        self._defer = defer
        self._flagged = flagged
        self._wanted = wanted
        self._known: dict[bytes, bool] = {}  # questions: whether nothing more need be known of one
        self._unflagged: dict[bytes, bool] = {}  # of whose addresses answers told: whether no signature names it
        # What plain messages of known questions say behind their id, and the length of their datagrams: of a question
        # all, of an answer with one address what is before its time to live. Another message that says the same is as
        # plain, which one look-up tells.
        self._shapes: dict[bytes, bytes] = {}
        self._asking: set[bytes] = set()  # both addresses, as they lie in a frame, of questions that nobody wants
        self._answering: dict[bytes, bytes] = {}  # the same of answers, and which of them is the client
        self._queries = self._answers = self._aliases = self._repeated = 0

    def take_counts(self) -> tuple[int, int, int, int]:
        """How many questions, answers and aliases were skipped since the last time, and how many copies of messages."""
        counts = self._queries, self._answers, self._aliases, self._repeated
        self._queries = self._answers = self._aliases = self._repeated = 0
        return counts

    def forget(self) -> None:
        """Ask anew which names are flagged, and whose look-ups are wanted."""
        self._known.clear()
        self._unflagged.clear()
        self._shapes.clear()
        self.forget_ends()

    def forget_ends(self) -> None:
        """Ask anew whose look-ups are wanted."""
        self._asking.clear()
        self._answering.clear()

    def run(  # noqa: PLR0912 (one loop: a call costs a tenth of a look-up)
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
        shape, asking, answering, copies = self._shapes.get, self._asking, self._answering.get, self._copies
        young, old, room = copies.tables()
        told: list[tuple[bytes, int, bytes]] = []
        end, number, repeated, before = len(window), 0, 0, position
        last = end - header - SIZE
        while position <= last:
            seconds, fraction, captured, original, kind, length, fate, addresses, source, port, size, side = unpack(
                window, position
            )
            start = position + header
            after = start + captured
            if seconds != here or captured != original or after > end or fraction >= second or fate not in udp:
                break
            if kind not in ipv4 or sizes(length) != size or port != dns != source:
                break
            wire, client = window[start + 42 : after], None
            if side < _RESPONSE:
                if shape(wire[_BEHIND_ID]) != size or addresses not in asking:
                    break
            elif shape(wire[_BEFORE_TAIL]) != size or wire[_SIZE_IN_TAIL] != _FOUR:
                break
            else:
                client = answering(addresses)
                if client is None:
                    break
            key, time_ns = hash((window[start + 26 : start + 38], wire)), begun_ns + fraction * scale
            if room and key not in young and key not in old:  # as ``Copies.again``
                young[key] = time_ns
                room -= 1
            else:
                if copies.again(key, time_ns):
                    repeated += 1
                    client = None
                young, old, room = copies.tables()
            if client is not None:
                told.append((client, time_ns, wire))
            number += 1
            before, position = position, after
        self._defer(told)
        self._queries += number - repeated - len(told)
        self._answers += len(told)
        self._repeated += repeated
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
        return self._take(wire, size, ends, time_ns, self._copies.seen)

    def take(self, wire: bytes, ends: bytes, time_ns: int) -> bool:
        """The same of a message over TCP, of which each is the first of its kind."""
        size = 8 + len(wire)
        return _HEADER < len(wire) <= MAX_MESSAGE and self._take(wire, size.to_bytes(2), ends, time_ns, _never)

    def _take(self, wire: bytes, size: Buffer, ends: bytes, time_ns: int, seen: IsCopy) -> bool:
        """Count the message *wire*, whose datagram has, or would have, this *size*, unless a closer look is needed."""
        if wire[2] & _RESPONSE:
            if self._shapes.get(wire[_BEFORE_TAIL]) == size and wire[_SIZE_IN_TAIL] == _FOUR:
                told = _ONE_ADDRESS
            elif (read := self._read_answer(wire, bytes(size))) is not None:
                told = read
            else:
                return False
            return self._count_answer(told, wire, ends, time_ns, seen)
        if self._shapes.get(wire[_BEHIND_ID]) != size and not self._is_question(wire, bytes(size)):
            return False
        return self._count_question(wire, ends, time_ns, seen)

    def skip_cut(self, buffer: Buffer, at: int, length: int, end: int, ends: bytes, time_ns: int) -> bool:
        """As ``skip``, of a datagram that the snap length cut off at *end*.

        What is not there is missed by nobody (``Lookups.feed``).
        """
        if end - at < 8 + _HEADER or int.from_bytes(buffer[at + 4 : at + 6]) != length:
            return False
        wire = bytes(buffer[at + 8 : end])
        side, questions, answers, others, more = _COUNTS(wire)
        stop = wire.find(0, _HEADER) + 5
        if questions != 1 or side & _OPCODE_AND_SIDE & ~_RESPONSE or not self._consider(wire[_HEADER:stop])[0]:
            return False
        if side & _RESPONSE:
            told = read_records(wire, stop, answers + others + more, self._is_unflagged, cut=True)
            return told is not None and self._count_answer(told, wire, ends, time_ns, self._copies.seen)
        rest = wire[stop:]
        is_all = (len(rest) < _SMALLEST_RECORD or rest.startswith(_OPT)) if more else not rest
        return (
            is_all
            and not answers + others
            and more <= 1
            and self._count_question(wire, ends, time_ns, self._copies.seen)
        )

    def _count_answer(self, told: Told, wire: bytes, ends: bytes, time_ns: int, seen: IsCopy) -> bool:
        """Count an answer, unless somebody wants those between its ends."""
        client = self._answering.get(ends[_ADDRESSES]) or self._dull_client(ends)
        if client is None:
            return False
        if seen(ends, wire, time_ns):
            self._repeated += 1
        else:
            self._defer(((client, time_ns, wire),))
            self._answers += told.answers
            self._aliases += told.aliases
        return True

    def _count_question(self, wire: bytes, ends: bytes, time_ns: int, seen: IsCopy) -> bool:
        """The same of a question."""
        if ends[_ADDRESSES] not in self._asking and not self._is_dull_asking(ends):
            return False
        if seen(ends, wire, time_ns):
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
        is_plain, before = self._consider(wire[_HEADER:end])
        if not is_plain or more > 1 or not (_ends_with_edns(wire, end) if more else end == len(wire)):
            return False
        if before:
            self._remember(wire[_BEHIND_ID], size)
        return True

    def _read_answer(self, wire: bytes, size: bytes) -> Told | None:
        """What is counted of an answer to a plain question; None: a closer look is needed."""
        side, questions, answers, others, more = _COUNTS(wire)
        if int.from_bytes(size) != 8 + len(wire) or side & _OPCODE_AND_SIDE != _RESPONSE or questions != 1:
            return None
        end = wire.find(0, _HEADER) + 5
        is_plain, before = self._consider(wire[_HEADER:end])
        if not is_plain:
            return None
        records = answers + others + more
        if answers == records == 1 and wire[end:_TAIL] == _ONE_A and wire[_SIZE_IN_TAIL] == _FOUR:
            if before:
                self._remember(wire[_BEFORE_TAIL], size)
            return _ONE_ADDRESS
        return read_records(wire, end, records, self._is_unflagged)

    def _consider(self, question: bytes) -> tuple[bool, bool]:
        """Whether a question is plain and no signature names what it asks for; and whether it was known before."""
        is_plain = self._known.get(question)
        return (self._learn(question), False) if is_plain is None else (is_plain, True)

    def _is_unflagged(self, host: bytes) -> bool:
        unflagged = self._unflagged.get(host)
        if unflagged is None:
            if len(self._unflagged) >= MAX_PLAIN:
                self._unflagged.clear()
            unflagged = self._unflagged[host] = not self._flagged(host.decode("ascii"))
        return unflagged

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

    def _learn(self, question: bytes) -> bool:
        if len(self._known) >= MAX_PLAIN:
            self._known.clear()
            self._shapes.clear()
        is_plain = self._known[question] = is_plain_question(question, self._flagged)
        return is_plain


def plain_lookups(
    lookups: Lookups, flagged: Callable[[str], bool], wanted: Callable[[bytes, bool], bool]
) -> PlainLookups:
    """What counts the plain ones of an observer's *lookups*; copies and answers are kept for both from now on."""
    copies = lookups.copies = Copies(lookups.copies.limit, lookups.copies.window_ns)
    waiting = lookups.deferred.waiting = Waiting(lookups.deferred.waiting.limit)
    return PlainLookups(copies, waiting.add_all, flagged, wanted)


def _never(_ends: bytes, _wire: bytes, _time_ns: int) -> bool:
    return False


def is_plain_question(question: bytes, flagged: Callable[[str], bool]) -> bool:
    """Whether no closer look at a question is needed.

    Args:
        question: up to the first zero byte its name, then type and class.
        flagged: whether a signature names a host.
    """
    labels, at = [], 0
    if len(question) < 6:
        return False  # the root, or no name
    while size := question[at]:
        labels.append(question[at + 1 : at + 1 + size])
        at += 1 + size
        if size > MAX_LABEL or at > len(question) - 5:
            return False
    name = b".".join(labels).lower()
    return at == len(question) - 5 and len(name) <= MAX_NAME and bool(_ORDINARY(name)) and not flagged(name.decode())


def _ends_with_edns(wire: bytes, at: int) -> bool:
    """Whether one OPT record takes the rest of the message (RFC 6891 section 6.1.2)."""
    if len(wire) < at + 11 or wire[at : at + 3] != _OPT:
        return False
    return at + 11 + int.from_bytes(wire[at + 9 : at + 11]) == len(wire)
