from __future__ import annotations

import pytest

from egret.decode.dtls import MAX_FRAGMENTS, Fragment, hello_start, message, parse_datagram
from egret.decode.tls import parse_client_hello
from egret.errors import Reason
from tests.support.datagrams import captured, dtls_body, dtls_datagrams, dtls_fragment, dtls_record

BODY = dtls_body()


@pytest.mark.parametrize(("name", "version"), [("dtls12", "1.2"), ("dtls10", "1.0")])
def test_what_openssl_sends(name: str, version: str) -> None:
    datagram = captured(f"openssl_{name}_client_hello")
    assert hello_start(datagram) == 0
    ((fragment,), anomaly) = parse_datagram(datagram)
    assert (fragment.number, fragment.offset, len(fragment.data), anomaly) == (0, 0, fragment.length, None)
    hello = parse_client_hello(message(fragment.data, fragment.length), datagram=True)
    assert (hello.server_name, hello.version_text, hello.alpn) == (b"dtls.example", version, (b"webrtc",))


def test_fragments_in_one_record_and_in_several() -> None:
    pieces = [dtls_fragment(BODY, 0, 50, number=1), dtls_fragment(BODY, 50, len(BODY), number=1)]
    expected = (Fragment(1, len(BODY), 0, BODY[:50]), Fragment(1, len(BODY), 50, BODY[50:]))
    assert parse_datagram(dtls_record(b"".join(pieces))) == (expected, None)
    assert parse_datagram(b"".join(dtls_record(piece) for piece in pieces)) == (expected, None)
    assert parse_datagram(b"pad!" + dtls_record(b"".join(pieces)), 4) == (expected, None)


def test_other_messages_and_records_are_passed_over() -> None:
    alert = dtls_record(b"\x01\x00", kind=21)
    verify = dtls_record(dtls_fragment(b"\xfe\xff\x04abcd", 0, 7, kind=3))
    hello = dtls_record(dtls_fragment(BODY, 0, len(BODY)))
    encrypted = dtls_record(bytes(40), epoch=1)
    read = parse_datagram(alert + verify + hello + encrypted + hello)
    assert [fragment.data for fragment in read.fragments] == [BODY]
    assert read.anomaly is None


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (dtls_record(dtls_fragment(BODY, 0, 40)[:-1]), Reason.BAD_LENGTH),  # a fragment longer than its record
        (dtls_record(b"\x01\x00\x00\x05\x00\x00\x00\x00\x03\x00\x00\x03abc"), Reason.BAD_LENGTH),  # beyond the message
        (dtls_record(b"\x01\x00\x00\x05\x00\x00"), Reason.BAD_LENGTH),
        (dtls_record(b"\x01\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x01a"), Reason.TOO_LARGE),
        (dtls_record(dtls_fragment(BODY, 0, 40))[:-1], Reason.TRUNCATED),
        (dtls_record(dtls_fragment(BODY, 0, 40))[:20], Reason.TRUNCATED),
    ],
)
def test_broken(record: bytes, reason: Reason) -> None:
    assert parse_datagram(record).anomaly is reason


def test_many_fragments_are_bounded() -> None:
    tiny = dtls_fragment(BODY, 0, 0)
    assert len(parse_datagram(dtls_record(tiny * 200)).fragments) == MAX_FRAGMENTS
    assert len(parse_datagram(dtls_record(tiny) * 200).fragments) == MAX_FRAGMENTS


def test_every_cut_gives_what_was_whole_in_it() -> None:
    first, second = (dtls_record(dtls_fragment(BODY, *ends)) for ends in ((0, 60), (60, len(BODY))))
    for size in range(len(first) + len(second)):
        read = parse_datagram((first + second)[:size])
        assert (
            b"".join(fragment.data for fragment in read.fragments) == BODY[: sum(len(f.data) for f in read.fragments)]
        )


@pytest.mark.parametrize(
    ("datagram", "start"),
    [
        (dtls_datagrams(BODY)[0], 0),
        (b"\x01\x00\x00\x00" + dtls_datagrams(BODY)[0], 4),  # CAPWAP
        (b"\x01\x00\x00\x01" + dtls_datagrams(BODY)[0], None),
        (dtls_record(dtls_fragment(BODY, 0, 20), version=b"\x01\x00"), 0),
        (dtls_record(dtls_fragment(BODY, 0, 20), version=b"\x03\x03"), None),
        (dtls_record(dtls_fragment(BODY, 0, 20), epoch=1), None),
        (dtls_record(dtls_fragment(BODY, 0, 20, kind=2)), None),
        (dtls_record(dtls_fragment(BODY, 0, 20), kind=23), None),
        (b"\x16\xfe\xfd", None),
        (b"", None),
    ],
)
def test_the_gate(datagram: bytes, start: int | None) -> None:
    assert hello_start(datagram) == start
    assert hello_start(memoryview(datagram)) == start
