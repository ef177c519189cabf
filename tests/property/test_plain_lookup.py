"""The short way of a look-up says, and remembers, what the long one does; in Python and compiled."""

from __future__ import annotations

from collections import Counter

import dns.edns
import dns.message
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode import dns as long_way
from egret.decode.plain_lookup import read_plain, read_question
from egret.model import Endpoint, Transport
from egret.track.answers import Answers
from egret.track.heard import Heard
from egret.track.limits import Counters, Limits
from egret.track.lookups import Lookups
from egret.worker import engine

CLIENT, RESOLVER = Endpoint(b"\xc0\0\2\1", 40_000), Endpoint(b"\xc6\x33\x64\x35", 53)


def question(name: str, qtype: str = "A", *, edns: bool = True) -> dns.message.Message:
    return dns.message.make_query(name, qtype, use_edns=edns, id=7)


def answer(asked: dns.message.Message, *records: tuple[str, int, str, str]) -> bytes:
    message = dns.message.make_response(asked)
    for owner, ttl_s, rtype, data in records:
        message.answer.append(dns.rrset.from_text(owner, ttl_s, "IN", rtype, *data.split("|")))
    return message.to_wire()


QWEN = question("Chat.Qwen.AI.")
PLAIN = [
    QWEN.to_wire(),
    question("chat.qwen.ai.", "HTTPS", edns=False).to_wire(),
    question("_dns.chat-1.x.example.", "TYPE65400").to_wire(),
    answer(QWEN, ("Chat.Qwen.AI.", 20, "A", "198.51.100.20")),
    answer(question("chat.qwen.ai.", edns=False), ("chat.qwen.ai.", 0, "A", "198.51.100.20|198.51.100.21")),
    answer(question("chat.qwen.ai.", "AAAA"), ("chat.qwen.ai.", 1 << 31, "AAAA", "2001:db8::1|2001:db8::2")),
    question("odd\\046one.example.").to_wire(),
]
ODD = [
    question(".", "NS").to_wire(),
    answer(QWEN),
    answer(QWEN, ("chat.qwen.ai.", 20, "A", "198.51.100.20"), ("other.example.", 20, "A", "198.51.100.21")),
    answer(QWEN, ("chat.qwen.ai.", 20, "CNAME", "b.example."), ("b.example.", 20, "A", "198.51.100.20")),
    answer(QWEN, ("chat.qwen.ai.", 20, "A", "198.51.100.20"), ("chat.qwen.ai.", 30, "AAAA", "2001:db8::1")),
    answer(QWEN, ("chat.qwen.ai.", 20, "TXT", '"text"')),
    question("zero\\000in.example.").to_wire(),
]


def told(wire: bytes, *, short: bool) -> object:
    """Everything that one message leads to."""
    heed: list[object] = []
    answers = Answers(
        Limits(),
        Counter(),
        lambda name: "qwen" in name,
        lambda name, addresses, time_ns: heed.extend((name, each, time_ns) for each in addresses),
    )
    lookups = Lookups(Limits(read_lookup=read_plain if short else lambda _: None), answers, Counters())
    ends = (RESOLVER, CLIENT) if len(wire) > 2 and wire[2] & 0x80 else (CLIENT, RESOLVER)
    heard = Heard(5, Transport.UDP, *ends, "eth0")
    events = lookups.feed(wire, heard)
    raws = [getattr(event, "raw", None) for event in events]
    waiting = lookups.deferred.waiting.take(CLIENT.ip)
    return events, raws, list(waiting), list(lookups._told.items()), answers.take_fresh(), heed


def check(wire: bytes) -> None:
    plain = read_plain(wire)
    if engine.is_there():
        assert engine.compiled.read_lookup(read_question, wire) == plain
    if plain is not None:
        assert told(wire, short=True) == told(wire, short=False)


@pytest.mark.parametrize("wire", PLAIN)
def test_what_is_plain_is_read_shortly(wire: bytes) -> None:
    assert read_plain(wire) is not None
    check(wire)


@pytest.mark.parametrize("wire", ODD)
def test_what_is_odd_is_left_to_the_reader(wire: bytes) -> None:
    assert read_plain(wire) is None
    check(wire)


@pytest.mark.parametrize("wire", PLAIN)
def test_every_byte_may_be_another_and_every_end_missing(wire: bytes) -> None:
    for at in range(len(wire)):
        assert read_plain(wire[:at]) is None or long_way.parse_message(wire[:at]).reason is None
        check(wire[:at])
        for change in (0, 1, 0x0C, 0x3F, 0x40, 0xC0, 0xFF, wire[at] ^ 1):
            check(wire[:at] + bytes([change]) + wire[at + 1 :])
    check(wire + b"\0")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLAIN + ODD), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5))
def test_several_bytes_may_be_others(wire: bytes, changes: list[tuple[int, int]]) -> None:
    odd = bytearray(wire)
    for at, value in changes:
        odd[at % len(odd)] = value
    check(bytes(odd))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_behind_a_header(data: bytes) -> None:
    for header in ("0007 0100 0001 0000 0000 0000", "0007 8180 0001 0001 0000 0000", "0007 8180 0001 0002 0000 0001"):
        check(bytes.fromhex(header) + data)


@pytest.mark.parametrize("count", [1, 63, 64, 65])
@pytest.mark.parametrize("apart", [0, 1])
def test_as_many_addresses_as_there_may_be(count: int, apart: int) -> None:
    records = b"".join(bytes.fromhex("c00c 0001 0001 0000003c 0004") + (n * apart).to_bytes(4) for n in range(count))
    check(bytes.fromhex("0007 8180 0001") + count.to_bytes(2) + bytes(4) + b"\1a\0\0\1\0\1" + records)
