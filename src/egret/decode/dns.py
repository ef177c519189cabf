"""DNS messages: what was asked, and which addresses and names were the answer.

A reader of our own takes what ordinary messages hold, and keeps whatever it read before a message
breaks; dnspython names rare types and opens service bindings (``dns_library``). Both are checked against each other.
Ref: RFC 1035 section 4, RFC 6891 (EDNS), RFC 9460 (SVCB and HTTPS).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from egret import names
from egret.decode.plain_binding import read_binding
from egret.errors import DecodeError, Malformed, Reason, Truncated
from egret.model import Recognition

A, CNAME, AAAA, DNAME, OPT, SVCB, HTTPS = 1, 5, 28, 39, 41, 64, 65
ANSWER, AUTHORITY, ADDITIONAL = 0, 1, 2  # sections

MAX_RECORDS = 4096  # of a message; more than 64 KB can hold of any use; Reason.TOO_LARGE beyond
_MAX_WIRE_NAME = 255  # RFC 1035 section 2.3.4
_MAX_POINTERS = 128  # of one name: more than the labels that it can have; Reason.BAD_COMPRESSION beyond
_HEADER_SIZE = 12
_SMALLEST = _HEADER_SIZE + 5  # with a question about the root
IN = 1  # the Internet, of all classes
_CLASS_MASK = 0x7FFF  # the top bit is mDNS's: unicast reply wanted, cache flush (RFC 6762 section 5.4)
_ADDRESS_SIZES = {A: 4, AAAA: 16}
_NAME_TYPES = frozenset({CNAME, DNAME})
_SERVICE_TYPES = frozenset({SVCB, HTTPS})
_COMMON_TYPES = {A: "A", 2: "NS", CNAME: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", AAAA: "AAAA", 33: "SRV"}
_COMMON_TYPES |= {35: "NAPTR", SVCB: "SVCB", HTTPS: "HTTPS"}

_HEADER = Struct("!HHHHHH")
_QUESTION = Struct("!HH")
_RECORD = Struct("!HHIH")
_POINTER = Struct("!H")
_LENGTH = Struct("!H")
_PLAIN = re.compile(rb"[a-z0-9_.-]*").fullmatch
_new = tuple.__new__  # half the cost of a NamedTuple's own constructor


class Question(NamedTuple):
    """One question; *name* is canonical, the root is ``""``; type and class are 0 where the message was cut."""

    name: str
    qtype: int
    qclass: int


class Service(NamedTuple):
    """What an SVCB or HTTPS record says besides its target (RFC 9460 section 7)."""

    priority: int  # 0: an alias for the target
    alpn: tuple[str, ...] = ()
    addresses: tuple[bytes, ...] = ()  # ipv4hint and ipv6hint
    ech: bytes | None = None  # an ECHConfigList


class Record(NamedTuple):
    """One resource record."""

    owner: str
    rtype: int
    rclass: int
    ttl_s: int
    section: int  # ANSWER, AUTHORITY or ADDITIONAL
    address: bytes | None = None  # of A and AAAA
    target: str | None = None  # of CNAME and DNAME; of SVCB and HTTPS, where "" stands for the owner
    service: Service | None = None  # of SVCB and HTTPS


_Data = tuple[bytes | None, str | None, Service | None]  # a record's address, target and service
_NO_DATA: _Data = (None, None, None)


class Message(NamedTuple):
    """What could be read of one message; *reason* says why it was not all of it."""

    id: int
    is_response: bool
    opcode: int
    rcode: int
    truncated: bool  # the TC bit: the sender left out records
    questions: tuple[Question, ...]
    records: tuple[Record, ...]
    size: int  # bytes that the message took; what follows them is padding
    reason: Reason | None = None


def parse_message(data: bytes | memoryview) -> Message:
    """Parse one DNS message, without the length that goes before it on TCP.

    Names and records that were read before the message breaks are kept; ``reason`` then says how it broke.

    Raises:
        Truncated: not even the header is here.
    """
    wire = bytes(data)
    if len(wire) < _HEADER_SIZE:
        raise Truncated(len(wire))
    identity, flags, *counts = _HEADER.unpack_from(wire)
    body = _Body(wire)
    try:
        body.read(counts)
    except DecodeError as error:
        body.reason = body.reason or error.reason
    fields = (
        identity,
        bool(flags & 0x8000),
        flags >> 11 & 0x0F,
        body.extended_rcode << 4 | flags & 0x0F,
        bool(flags & 0x0200),
        tuple(body.questions),
        tuple(body.records),
        body.offset,
        body.reason,
    )
    return _new(Message, fields)


class _Body:
    """A message's sections as they are read; what was read stays when a later part breaks."""

    __slots__ = ("_known", "_wire", "extended_rcode", "offset", "questions", "reason", "records")

    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        self._known = _Known()
        self.offset = _HEADER_SIZE
        self.questions: list[Question] = []
        self.records: list[Record] = []
        self.extended_rcode = 0
        self.reason: Reason | None = None

    def read(self, counts: list[int]) -> None:
        """Read what there is, and remember what was odd."""
        try:
            self._read(counts)
        finally:
            if self._known.forward:
                self.reason = self.reason or Reason.BAD_COMPRESSION

    def _read(self, counts: list[int]) -> None:
        questions, *sections = counts
        if questions + sum(sections) > MAX_RECORDS:
            self.reason = Reason.TOO_LARGE
        room = MAX_RECORDS
        for _ in range(min(questions, room)):
            name = _spell(self._name())
            try:
                qtype, qclass = self._unpack(_QUESTION)
            except Truncated:  # the name is whole
                self.questions.append(Question(name, 0, 0))
                raise
            self.questions.append(Question(name, qtype, qclass))
        for section, count in enumerate(sections):
            for _ in range(min(count, room)):
                self._record(section)
            room = MAX_RECORDS - len(self.records)

    def _record(self, section: int) -> None:
        owner = _spell(self._name())
        rtype, rclass, ttl_s, length = self._unpack(_RECORD)
        start = self.offset
        if start + length > len(self._wire):
            raise Truncated(start)
        self.offset = start + length
        if rtype == OPT:
            self.extended_rcode = ttl_s >> 24
            return
        ttl_s = ttl_s if ttl_s < 1 << 31 else 0  # RFC 2181 section 8
        data = _NO_DATA
        try:
            if rclass & _CLASS_MASK == IN:
                data = self._data(rtype, start)
        except DecodeError as error:  # this record's data is wrong, but its end is known
            self.reason = self.reason or error.reason
        self.records.append(_new(Record, (owner, rtype, rclass, ttl_s, section, *data)))

    def _data(self, rtype: int, start: int) -> _Data:
        end = self.offset
        if rtype in _ADDRESS_SIZES:
            if end - start != _ADDRESS_SIZES[rtype]:
                raise Malformed(Reason.BAD_LENGTH, start)
            return self._wire[start:end], None, None
        if rtype in _NAME_TYPES:
            name, after = _read_name(self._wire, start, self._known)
            if after != end:
                raise Malformed(Reason.BAD_LENGTH, start)
            return None, _spell(name), None
        return _service_data(rtype, self._wire, start, end) if rtype in _SERVICE_TYPES else _NO_DATA

    def _name(self) -> bytes:
        wire, start = self._wire, self.offset
        if start + 1 < len(wire) and wire[start] >= 0xC0:  # most owners are one pointer to a name read before
            name = self._known.get(_POINTER.unpack_from(wire, start)[0] & 0x3FFF)
            if name is not None:
                self.offset = start + 2
                return name
        name, self.offset = _read_name(self._wire, self.offset, self._known)
        return name

    def _unpack(self, layout: Struct) -> tuple[int, ...]:
        start = self.offset
        if start + layout.size > len(self._wire):
            raise Truncated(start)
        self.offset = start + layout.size
        return layout.unpack_from(self._wire, start)


class _Known(dict[int, bytes]):
    """Pointer targets, and the names there, so that each is followed once."""

    forward = False  # a pointer led ahead: RFC 1035 section 4.1.4 wants "a prior occurrence", some readers do not


def _read_name(wire: bytes, start: int, known: _Known) -> tuple[bytes, int]:
    """The name at *start*, uncompressed and without the root's byte, and the offset behind it.

    A name has so many pointers at most that none loops; *known* makes the work of all names linear in the message.
    """
    offset, label = _labels_end(wire, start)
    if not label:
        name = known[start] = wire[start:offset]
        return name, offset + 1
    return _read_compressed(wire, start, known)


def _read_compressed(wire: bytes, start: int, known: _Known) -> tuple[bytes, int]:
    pieces: list[tuple[int, bytes]] = []
    after, piece = 0, start
    size, tail = 0, b""
    while True:
        offset, label = _labels_end(wire, piece)
        pieces.append((piece, wire[piece:offset]))
        size += offset - piece
        if size >= _MAX_WIRE_NAME:
            raise Malformed(Reason.BAD_NAME, piece)
        if not label:
            after = after or offset + 1
            break
        if offset + 2 > len(wire):
            raise Truncated(offset)
        after = after or offset + 2
        target = _POINTER.unpack_from(wire, offset)[0] & 0x3FFF
        if target in known:
            tail = known[target]
            break
        if target < _HEADER_SIZE or len(pieces) > _MAX_POINTERS:
            raise Malformed(Reason.BAD_COMPRESSION, offset)
        if target >= piece:
            known.forward = True
        piece = target
    for where, labels in reversed(pieces):
        tail = labels + tail
        if len(tail) >= _MAX_WIRE_NAME:
            raise Malformed(Reason.BAD_NAME, where)
        known[where] = tail
    return tail, after


def _labels_end(wire: bytes, offset: int) -> tuple[int, int]:
    """Where the run of labels at *offset* ends, and the byte there: 0, or the first of a pointer."""
    end = min(len(wire), offset + _MAX_WIRE_NAME)
    while offset < end:
        size = wire[offset]
        if size == 0 or size >= 0xC0:
            return offset, size
        if size > names.MAX_LABEL:
            raise Malformed(Reason.BAD_VALUE, offset)  # label types that RFC 6891 section 5 retired
        offset += 1 + size
    if offset >= len(wire):
        raise Truncated(len(wire))
    raise Malformed(Reason.BAD_NAME, offset)


@lru_cache(maxsize=1 << 14)
def _spell(name: bytes) -> str:
    """``names.canonical`` of an uncompressed name; most are plain, and most come again and again."""
    labels = list(_labels(name))
    text = b".".join(labels).lower()
    if _PLAIN(text) and text.count(b".") == max(0, len(labels) - 1):
        return text.decode("ascii")
    return names.canonical(labels)


def _labels(name: bytes) -> Iterator[bytes]:
    offset = 0
    while offset < len(name):
        end = offset + 1 + name[offset]
        yield name[offset + 1 : end]
        offset = end


def _service_data(rtype: int, wire: bytes, start: int, end: int) -> _Data:
    plain = read_binding(wire[start:end])
    if plain is not None:
        priority, target, alpn, addresses = plain
        return None, target, Service(priority, alpn, addresses)
    from egret.decode import dns_library  # noqa: PLC0415 (see there)

    try:
        # a memory of its own, so that no name in it can point back into the message (RFC 9460 section 2.2)
        target, service = dns_library.read_binding(rtype, wire[start:end])
    except ValueError:
        raise Malformed(Reason.BAD_VALUE, start) from None
    return None, target, service


@lru_cache(maxsize=1 << 10)
def type_name(number: int) -> str:
    """A record type as text: ``AAAA``, ``HTTPS``, ``TYPE65400``."""
    if name := _COMMON_TYPES.get(number):
        return name
    from egret.decode import dns_library  # noqa: PLC0415 (see there)

    return dns_library.type_text(number)


def split_stream(buffer: bytes | memoryview) -> tuple[list[bytes], int]:
    """Cut a TCP stream into messages (RFC 1035 section 4.2.2).

    Returns:
        The messages that are whole, without their lengths, and how many bytes of *buffer* they took.
    """
    messages = []
    offset = 0
    while offset + 2 <= len(buffer):
        (length,) = _LENGTH.unpack_from(buffer, offset)
        end = offset + 2 + length
        if end > len(buffer):
            break
        messages.append(bytes(buffer[offset + 2 : end]))
        offset = end
    return messages, offset


def looks_like_dns(data: bytes | memoryview) -> bool:
    """Whether a datagram on any port is a DNS message, beyond reasonable doubt.

    Everything must fit: header bits, counts, names of host-like labels, types, and the last byte.
    """
    if len(data) < _SMALLEST or not _plausible_header(data, len(data)):
        return False
    message = parse_message(data)
    return (
        message.reason is None
        and message.size == len(data)
        and len(message.questions) == 1
        and _plausible_question(message.questions[0])
    )


def recognise_stream(data: bytes | memoryview) -> Recognition:
    """Whether a TCP stream's first bytes are DNS messages with their lengths before them."""
    if len(data) < 2:
        return Recognition.NEED_MORE
    (length,) = _LENGTH.unpack_from(data)
    flags, questions = bytes(data[4:6]), bytes(data[6:8])  # the few bytes that rule most other protocols out
    if (len(flags) == 2 and (flags[0] & 0x78 or flags[1] & 0x40)) or not b"\x00\x01".startswith(questions):
        return Recognition.NO
    if length < _SMALLEST or (len(data) >= 2 + _HEADER_SIZE and not _plausible_header(data[2:], length)):
        return Recognition.NO
    if len(data) < 2 + length:
        return Recognition.NEED_MORE
    return Recognition.YES if looks_like_dns(data[2 : 2 + length]) else Recognition.NO


def _plausible_header(data: bytes | memoryview, length: int) -> bool:
    _, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(data)
    if flags & 0x7840 or questions != 1:  # an opcode other than QUERY, or the bit that must be zero
        return False
    if flags & 0x8000:
        return bool(answers + authorities + additionals <= length // 11)
    return bool(flags & 0x000F == 0 and answers == 0 and authorities == 0 and additionals <= 2)


def _plausible_question(question: Question) -> bool:
    if question.qclass != IN or not 0 < question.qtype < 256 + 8:
        return False
    netbios = question.qtype in {32, 33} and len(question.name.partition(".")[0]) == 32  # RFC 1002 section 4.2.1
    return not netbios and bool(question.name) and "\\" not in question.name
