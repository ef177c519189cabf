import struct

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from egret.decode import dns as decoder
from egret.decode.dns import Message, Question, looks_like_dns, parse_message, recognise_stream, split_stream, type_name
from egret.errors import Reason, Truncated
from egret.model import Recognition
from tests.support.net import ip


def query(name: str = "Chat.QWEN.ai", qtype: str = "A", use_edns: int = -1) -> bytes:
    return dns.message.make_query(name, qtype, use_edns=use_edns).to_wire()


def answer(*records: tuple[str, str, str], name: str = "chat.qwen.ai", ttl: int = 60) -> bytes:
    message = dns.message.make_response(dns.message.make_query(name, "A", id=7))
    message.answer = [dns.rrset.from_text(owner + ".", ttl, "IN", rtype, data) for owner, rtype, data in records]
    return message.to_wire()


def raw(body: bytes, questions: int = 1, answers: int = 0, flags: int = 0x8180) -> bytes:
    return struct.pack("!HHHHHH", 1, flags, questions, answers, 0, 0) + body


def record(rtype: int, data: bytes, ttl: int = 60, rclass: int = 1) -> bytes:
    return b"\xc0\x0c" + struct.pack("!HHIH", rtype, rclass, ttl, len(data)) + data


QUESTION = b"\x04qwen\x02ai\0\0\x01\0\x01"


@pytest.mark.parametrize("edns", [-1, 0])
def test_query(edns: int) -> None:
    wire = query(use_edns=edns)
    message = parse_message(wire)
    assert message.questions == (Question("chat.qwen.ai", 1, 1),)
    assert not message.is_response
    assert message.size == len(wire)
    assert message.records == ()
    assert message.reason is None


def test_answer() -> None:
    wire = answer(
        ("chat.qwen.ai", "CNAME", "EDGE.example.net."),
        ("edge.example.net", "A", "192.0.2.7"),
        ("edge.example.net", "AAAA", "2001:db8::7"),
        ("sub.example.org", "DNAME", "other.example."),
    )
    message = parse_message(wire)
    assert message.is_response
    assert message.id == 7
    seen = [(r.owner, r.rtype, r.address, r.target, r.ttl_s, r.section) for r in message.records]
    assert seen == [
        ("chat.qwen.ai", 5, None, "edge.example.net", 60, 0),
        ("edge.example.net", 1, ip("192.0.2.7"), None, 60, 0),
        ("edge.example.net", 28, ip("2001:db8::7"), None, 60, 0),
        ("sub.example.org", 39, None, "other.example", 60, 0),
    ]
    assert message.reason is None


def test_service_bindings() -> None:
    data = '1 . alpn="h2,h3" ipv4hint=192.0.2.1 ech=AAQAAQID ipv6hint=2001:db8::1'
    message = parse_message(answer(("a.example", "HTTPS", data), ("b.example", "SVCB", "0 other.example.")))
    first, second = message.records
    assert first.target == ""
    assert first.service == decoder.Service(
        1, ("h2", "h3"), (ip("192.0.2.1"), ip("2001:db8::1")), b"\x00\x04\x00\x01\x02\x03"
    )
    assert second.target == "other.example"
    assert second.service == decoder.Service(0)


def test_rcode_with_its_upper_bits() -> None:
    message = dns.message.make_response(dns.message.make_query("a.example", "A", use_edns=0))
    message.set_rcode(dns.rcode.BADVERS)
    assert parse_message(message.to_wire()).rcode == 16


def test_odd_labels_are_spelled() -> None:
    wire = raw(b"\x03a.b\x02\x00\xff\x04X\x1b[m\0\0\x01\0\x01", flags=0)
    assert parse_message(wire).questions[0].name == r"a\046b.\000\255.x\027[m"


def test_the_root() -> None:
    assert parse_message(raw(b"\0\0\x02\0\x01")).questions == (Question("", 2, 1),)


def test_ttl_with_the_top_bit_is_zero() -> None:
    wire = raw(QUESTION + record(1, b"abcd", 0x80000001), answers=1)
    assert parse_message(wire).records[0].ttl_s == 0


def test_addresses_of_other_classes_are_none() -> None:
    wire = raw(QUESTION + record(1, b"abcd", rclass=3) + record(1, b"abcd", rclass=0x8001), answers=2)
    assert [r.address for r in parse_message(wire).records] == [None, b"abcd"]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (raw(b"\x04qwen\x02ai"), Reason.TRUNCATED),
        (raw(b"\xc0\x0c\0\x01\0\x01"), Reason.BAD_COMPRESSION),
        (raw(b"\xc0\x04\0\x01\0\x01"), Reason.BAD_COMPRESSION),
        (raw(b"\x01a\xc0\x20\0\x01\0\x01"), Reason.BAD_COMPRESSION),
        (raw(b"\x01a\xc0\x0c\0\x01\0\x01"), Reason.BAD_COMPRESSION),
        (raw(b"\x3f" + b"a" * 63 + b"\xc0\x0c\0\x01\0\x01"), Reason.BAD_COMPRESSION),
        (raw(b"\x01a\xc0"), Reason.TRUNCATED),
        (raw(b"\x41a\0\0\x01\0\x01"), Reason.BAD_VALUE),
        (raw((b"\x3f" + bytes(63)) * 5 + b"\0\0\x01\0\x01"), Reason.BAD_NAME),
        (raw(b""), Reason.TRUNCATED),
    ],
)
def test_broken_questions(wire: bytes, reason: Reason) -> None:
    message = parse_message(wire)
    assert message.questions == ()
    assert message.reason is reason


def test_a_pointer_that_leads_ahead_is_followed_and_told() -> None:
    wire = raw(b"\x04chat\xc0\x17\0\x01\0\x01" + b"\x04qwen\x02ai\0")
    message = parse_message(wire)
    assert message.questions == (Question("chat.qwen.ai", 1, 1),)
    assert message.reason is Reason.BAD_COMPRESSION
    assert not looks_like_dns(wire)


def test_pointers_to_pointers_end() -> None:
    chain = b"".join((0xC000 | 14 + 2 * n).to_bytes(2, "big") for n in range(4000)) + b"\0"
    message = parse_message(raw(chain))
    assert (message.questions, message.reason) == ((), Reason.BAD_COMPRESSION)


def test_a_question_cut_behind_its_name() -> None:
    for rest in (b"", b"\0", b"\0\1", b"\0\1\0"):
        message = parse_message(raw(b"\x04qwen\x02ai\0" + rest))
        assert (message.questions, message.reason) == ((Question("qwen.ai", 0, 0),), Reason.TRUNCATED)


def test_names_that_grow_too_long_by_compression() -> None:
    long = b"".join(b"\x3f" + b"a" * 63 for _ in range(3))
    wire = raw(long + b"\0\0\x01\0\x01" + b"\x3f" + b"b" * 63 + b"\xc0\x0c" + bytes(10), answers=1)
    message = parse_message(wire)
    assert len(message.questions) == 1
    assert message.reason is Reason.BAD_NAME


def test_what_was_read_is_kept_when_a_record_breaks() -> None:
    good, bad = record(1, b"abcd"), record(1, b"abcde")
    message = parse_message(raw(QUESTION + good + bad + good, answers=3))
    assert [r.address for r in message.records] == [b"abcd", None, b"abcd"]
    assert message.reason is Reason.BAD_LENGTH
    cut = parse_message(raw(QUESTION + good + bad[:-1], answers=2))
    assert [r.address for r in cut.records] == [b"abcd"]
    assert cut.reason is Reason.TRUNCATED
    alias = parse_message(raw(QUESTION + record(5, b"\xc0\x0cx"), answers=1))
    assert alias.reason is Reason.BAD_LENGTH
    service = parse_message(raw(QUESTION + record(65, b"\0\x01\0\0\x01\0\xff"), answers=1))
    assert service.records[0].service is None
    assert service.reason is Reason.BAD_VALUE


def test_pointers_to_the_legal_limit() -> None:
    """127 labels, each behind a pointer of its own."""
    body, names = QUESTION, 0
    where = 12
    for _ in range(123):
        offset = 12 + len(body)
        body += b"\x01a" + struct.pack("!HHHIH", 0xC000 | where, 1, 1, 0, 4) + b"addr"
        where = offset
        names += 1
    message = parse_message(raw(body, answers=names))
    assert message.reason is None
    assert message.records[-1].owner == "a." * 123 + "qwen.ai"
    longer = body + b"\x01a" + struct.pack("!HHHIH", 0xC000 | where, 1, 1, 0, 4) + b"addr"
    assert parse_message(raw(longer, answers=names + 1)).reason is Reason.BAD_NAME


def test_counts_are_bounded() -> None:
    wire = (
        struct.pack("!HHHHHH", 1, 0x8000, 0, 5000, 0, 0) + (b"\0" + struct.pack("!HHIH", 1, 1, 0, 4) + b"addr") * 4200
    )
    message = parse_message(wire)
    assert len(message.records) == decoder.MAX_RECORDS
    assert message.reason is Reason.TOO_LARGE
    questions = struct.pack("!HHHHHH", 1, 0, 5000, 0, 0, 0) + b"\0\0\x01\0\x01" * 5000
    assert len(parse_message(questions).questions) == decoder.MAX_RECORDS


def test_no_header() -> None:
    with pytest.raises(Truncated):
        parse_message(b"12345678901")


def test_type_names() -> None:
    assert [type_name(n) for n in (1, 28, 65, 255, 65400)] == ["A", "AAAA", "HTTPS", "ANY", "TYPE65400"]


def test_streams_are_cut_into_messages() -> None:
    one, two = query("one.example"), query("two.example")
    stream = b"".join(struct.pack("!H", len(m)) + m for m in (one, two))
    assert split_stream(stream) == ([one, two], len(stream))
    assert split_stream(stream[:-1]) == ([one], len(one) + 2)
    assert split_stream(stream[:1]) == ([], 0)
    assert split_stream(memoryview(stream)[: len(one) + 2]) == ([one], len(one) + 2)


@pytest.mark.parametrize("wire", [query(), query(qtype="HTTPS", use_edns=0), answer(("a.example", "A", "192.0.2.1"))])
def test_messages_on_other_ports_are_recognised(wire: bytes) -> None:
    assert looks_like_dns(wire)
    assert not looks_like_dns(wire + b"x")
    assert not any(looks_like_dns(wire[:size]) for size in range(len(wire)))
    stream = struct.pack("!H", len(wire)) + wire
    assert recognise_stream(stream) is Recognition.YES
    assert {recognise_stream(stream[:size]) for size in range(len(stream))} == {Recognition.NEED_MORE}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(40),
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        raw(b"\0\0\x01\0\x01", flags=0x100),
        raw(b"\x04qw\x00n\x02ai\0\0\x01\0\x01", flags=0x100),
        raw(b"\x04qwen\x02ai\0\0\x01\0\x09", flags=0x100),
        raw(b"\x04qwen\x02ai\0\xff\x00\0\x01", flags=0x100),
        raw(QUESTION, flags=0x7900),
        raw(QUESTION, flags=0x0103),
        raw(b"\x20" + b"CK" * 16 + b"\0\0\x20\0\x01", flags=0x110),
        raw(QUESTION, answers=9),
    ],
)
def test_other_datagrams_are_not(data: bytes) -> None:
    assert not looks_like_dns(data)
    assert recognise_stream(struct.pack("!H", len(data)) + data) is Recognition.NO


def test_a_stream_of_something_else_is_told_at_its_header() -> None:
    assert recognise_stream(b"GET / HTTP/1.1\r\n") is Recognition.NO


def test_message_has_defaults() -> None:
    assert Message(1, False, 0, 0, False, (), (), 12).reason is None
