"""DNS: equal to dnspython on what it can write, total on everything else, nothing read is lost."""

from __future__ import annotations

import struct

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st

from egret.decode.dns import MAX_RECORDS, Message, looks_like_dns, parse_message, recognise_stream, split_stream
from egret.errors import Truncated
from egret.model import Recognition
from egret.names import canonical

labels = st.binary(min_size=1, max_size=12) | st.sampled_from([b"www", b"QWEN", b"a.b", b"example"])
hosts = st.lists(labels, max_size=6).map(lambda parts: dns.name.Name([*parts, b""]))
wire_types = ["A", "AAAA", "CNAME", "DNAME", "TXT", "MX"]


@st.composite
def rdatas(draw: st.DrawFn) -> tuple[dns.rdata.Rdata, bytes | None, str | None]:
    """Record data with the address and the target that it has."""
    kind = draw(st.sampled_from(wire_types))
    if kind == "A":
        packed = draw(st.binary(min_size=4, max_size=4))
        return dns.rdata.from_wire("IN", "A", packed, 0, 4), packed, None
    if kind == "AAAA":
        packed = draw(st.binary(min_size=16, max_size=16))
        return dns.rdata.from_wire("IN", "AAAA", packed, 0, 16), packed, None
    if kind == "TXT":
        return dns.rdata.from_text("IN", "TXT", "words"), None, None
    target = draw(hosts)
    text = f"5 {target}" if kind == "MX" else str(target)
    return dns.rdata.from_text("IN", kind, text), None, None if kind == "MX" else spelled(target)


def spelled(name: dns.name.Name) -> str:
    return canonical(name.labels[:-1])


Expected = list[tuple[str, bytes | None, str | None]]


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, str, Expected]:
    asked = draw(hosts)
    message: dns.message.Message = dns.message.make_query(
        asked, draw(st.sampled_from(wire_types)), use_edns=draw(st.sampled_from([-1, 0]))
    )
    expected: Expected = []
    if draw(st.booleans()):
        message = dns.message.make_response(message)
        for owner, (rdata, address, target) in draw(st.lists(st.tuples(hosts, rdatas()), max_size=5)):
            message.answer.append(dns.rrset.from_rdata(owner, 60, rdata))
            expected.append((spelled(owner), address, target))
    return message.to_wire(), spelled(asked), expected


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    wire = bytearray(draw(messages())[0])
    for _ in range(draw(st.integers(1, 4))):
        wire[draw(st.integers(0, len(wire) - 1))] = draw(st.integers(0, 255))
    return bytes(wire) + draw(st.binary(max_size=4))


def read(wire: bytes) -> Message | None:
    try:
        return parse_message(wire)
    except Truncated:
        return None


@given(messages())
def test_equal_to_what_dnspython_wrote(case: tuple[bytes, str, Expected]) -> None:
    wire, asked, expected = case
    message = parse_message(wire)
    assert message.reason is None
    assert message.size == len(wire)
    assert [question.name for question in message.questions] == [asked]
    assert [(r.owner, r.address, r.target) for r in message.records if r.section == 0] == expected


@given(messages())
def test_every_cut_keeps_what_was_whole(case: tuple[bytes, str, Expected]) -> None:
    wire = case[0]
    whole = parse_message(wire)
    for size in range(len(wire)):
        message = read(wire[:size])
        if message is None:
            assert size < 12
            continue
        assert message.reason is not None
        named = [question.name for question in whole.questions]  # the last may be without its type
        assert [question.name for question in message.questions] == named[: len(message.questions)]
        assert message.questions[:-1] == whole.questions[: len(message.questions)][:-1]
        assert message.records == whole.records[: len(message.records)]


@given(mutated() | st.binary(max_size=200))
def test_total_on_any_bytes(wire: bytes) -> None:
    message = read(wire)
    if message is not None:
        assert len(message.questions) + len(message.records) <= 2 * MAX_RECORDS
        assert all(question.name.isprintable() for question in message.questions)
    looks_like_dns(wire)
    recognise_stream(wire)


@given(mutated())
def test_dnspython_reads_no_question_that_we_miss(wire: bytes) -> None:
    message = read(wire)
    try:
        other = dns.message.from_wire(wire, keyring=False, ignore_trailing=True, continue_on_error=True)
        asked = [spelled(rrset.name) for rrset in other.question]
    except Exception:  # noqa: BLE001 (whatever it says about bad bytes is no concern of this test)
        return
    assert message is not None
    assert set(asked) <= {question.name for question in message.questions}


@given(st.lists(messages(), min_size=1, max_size=4), st.data())
def test_a_stream_split_anywhere_gives_the_same_messages(
    cases: list[tuple[bytes, str, Expected]], data: st.DataObject
) -> None:
    wires = [case[0] for case in cases]
    stream = b"".join(struct.pack("!H", len(wire)) + wire for wire in wires)
    found: list[bytes] = []
    buffer = b""
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        buffer, stream = buffer + stream[:size], stream[size:]
        whole, taken = split_stream(buffer)
        found += whole
        buffer = buffer[taken:]
    assert found == wires
    assert buffer == b""


@given(messages().filter(lambda case: bool(case[1]) and "\\" not in case[1]))
def test_messages_are_recognised_anywhere(case: tuple[bytes, str, Expected]) -> None:
    wire = case[0]
    assert looks_like_dns(wire)
    assert recognise_stream(struct.pack("!H", len(wire)) + wire) is Recognition.YES
