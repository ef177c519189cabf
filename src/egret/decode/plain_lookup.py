"""DNS messages of the plainest shapes, in one go: a question, or an answer that gives addresses to what was asked.

Whatever is odd is left to ``decode.dns``, and this never says anything else than that would
(tests/property/test_plain_lookup.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from struct import error as StructError  # noqa: N812 (the exception's own name says nothing here)
from typing import NamedTuple

from egret.decode.dns import AAAA, IN, OPT, A, parse_message, type_name

_HEADER = Struct("!2xHHHHH")
_RECORD = Struct("!HHHIH")
_HEADER_SIZE, _RECORD_SIZE = 12, 12
_RESPONSE = 0x8000
_ASKED = 0xC000 | _HEADER_SIZE  # a pointer to the question's name
_SIZES = {A: 4, AAAA: 16}
_MANY = 64  # addresses; a name has a handful
_EMPTY_HEADER = bytes.fromhex("0000 0100 0001 0000 0000 0000")
_EDNS = b"\0" + OPT.to_bytes(2)  # the root's name and the type
_EDNS_SIZE = 11  # with class, TTL and the length of the rest
_new = tuple.__new__
Told = tuple[str, str | None, tuple[bytes, ...] | None, int]  # as a PlainLookup
ReadLookup = Callable[[bytes], Told | None]


class PlainLookup(NamedTuple):
    """A question, or its answer."""

    name: str  # canonical, not the root
    qtype: str | None  # as ``dns.type_name`` writes it
    addresses: tuple[bytes, ...] | None  # each once; None: it is a question
    ttl_s: int  # of every record


def read_plain(wire: bytes) -> PlainLookup | None:
    """What a message says, if it is one question of one name, or the addresses of that name; both may bring EDNS."""
    try:
        flags, questions, answers, authorities, more = _HEADER.unpack_from(wire)
        end = wire.find(0, _HEADER_SIZE) + 5
        if questions != 1 or authorities or more > 1 or end < _HEADER_SIZE + 5:
            return None
        asked = read_question(wire[_HEADER_SIZE:end])
        if asked is None:
            return None
        if flags >= _RESPONSE:
            return _answer(asked, wire, end, answers, more)
    except StructError:  # it breaks off
        return None
    if answers or not _ends(wire, end, more):
        return None
    return _new(PlainLookup, (*asked, None, 0))


def _answer(asked: tuple[str, str | None], wire: bytes, at: int, answers: int, more: int) -> PlainLookup | None:
    if not 0 < answers <= _MANY:
        return None
    addresses, unpack = [], _RECORD.unpack_from
    ttl_s = unpack(wire, at)[3]
    for _ in range(answers):
        owner, rtype, rclass, lives_s, size = unpack(wire, at)
        if owner != _ASKED or rclass != IN or size != _SIZES.get(rtype) or lives_s != ttl_s:
            return None
        at += _RECORD_SIZE
        addresses.append(wire[at : at + size])
        at += size
    if not _ends(wire, at, more) or (answers > 1 and len(set(addresses)) != answers):
        return None
    return _new(PlainLookup, (*asked, tuple(addresses), ttl_s if ttl_s < 1 << 31 else 0))  # RFC 2181 section 8


def _ends(wire: bytes, at: int, more: int) -> bool:
    """Whether the message ends at *at*, but for one OPT record (RFC 6891 section 6.1.2) where there is *more*."""
    if not more:
        return at == len(wire)
    last = at + _EDNS_SIZE
    return wire[at : at + 3] == _EDNS and last <= len(wire) == last + int.from_bytes(wire[last - 2 : last])


@lru_cache(maxsize=1 << 14)  # the same few come again and again
def read_question(question: bytes) -> tuple[str, str | None] | None:
    """Name and type of the question whose name ends with the first zero byte, if it has a name and nothing odd."""
    message = parse_message(_EMPTY_HEADER + question)
    if message.reason is not None or message.size != _HEADER_SIZE + len(question) or not message.questions[0].name:
        return None
    name, qtype, _ = message.questions[0]
    return name, type_name(qtype) if qtype else None
