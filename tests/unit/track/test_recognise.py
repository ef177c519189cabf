from __future__ import annotations

import pytest

from egret.errors import Reason
from egret.model import Kind, Protocol, Recognition
from egret.track.recognise import is_server, recognise, recognise_anywhere
from tests.support.hello import client_hello, openssl_hello, records

HELLO = openssl_hello("a.example")
REQUEST = b"GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n"


def test_tls_and_http_are_told_by_content() -> None:
    tls, http = recognise(HELLO), recognise(REQUEST)
    assert tls.said is not None
    assert http.said is not None
    assert (tls.protocol, tls.said.name, tls.said.consumed) == (Protocol.TLS, "a.example", 0)
    assert (http.protocol, http.said.name, http.said.also) == (Protocol.HTTP, "a.example", ("b.example",))


def test_connect_needs_its_end() -> None:
    head = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"
    assert recognise(head).recognition is Recognition.NEED_MORE
    whole = recognise(head + b"\r\n" + HELLO).said
    assert whole is not None
    assert (whole.kind, whole.also, whole.consumed) == (Kind.CONNECT, (), len(head) + 2)
    last = recognise(head, final=True).said
    assert last is not None
    assert (last.name, last.consumed) == ("a.example", 0)


@pytest.mark.parametrize("data", [b"", b"G", HELLO[:3], HELLO[:100], REQUEST[:20], REQUEST[:40]])
def test_more_is_needed(data: bytes) -> None:
    found = recognise(data)
    assert found.recognition is Recognition.NEED_MORE
    assert found.needed > len(data)


@pytest.mark.parametrize("data", [b"", b"G", b"\x07binary", b"\x16\x03\x01\x00\x05\x02xxxx"])
def test_nothing_that_we_read(data: bytes) -> None:
    assert recognise(data, final=True).recognition is Recognition.NO
    assert recognise_anywhere(data, final=True).recognition is Recognition.NO


def test_recognised_and_unreadable() -> None:
    broken = recognise(records(client_hello(None, tail=b"\x00")))
    assert (broken.recognition, broken.said, broken.reason) == (Recognition.YES, None, Reason.BAD_LENGTH)
    long = recognise(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 4000)
    assert (long.recognition, long.protocol, long.reason) == (Recognition.YES, Protocol.HTTP, Reason.TOO_LARGE)


def test_servers() -> None:
    assert is_server(b"HTTP/1.1 200 OK\r\n")
    assert is_server(b"\x16\x03\x03\x00\x40\x02")
    assert not is_server(HELLO)


@pytest.mark.parametrize(
    "prelude", [b"EHLO me\r\nSTARTTLS\r\n", b"\x05\x01\x00", b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"0\x1d\x02"]
)
def test_hellos_behind_preludes(prelude: bytes) -> None:
    for size in range(1, len(prelude)):
        assert recognise_anywhere(prelude[:size]).recognition is Recognition.NEED_MORE
    for size in range(len(HELLO)):
        found = recognise_anywhere(prelude + HELLO[:size])
        assert found.recognition is Recognition.NEED_MORE
        assert found.needed > len(prelude) + size
    said = recognise_anywhere(prelude + HELLO).said
    assert said is not None
    assert said.name == "a.example"


def test_preludes_are_bounded_and_must_be_followed_by_a_hello() -> None:
    assert recognise_anywhere(b"text\r\n" * 1000).recognition is Recognition.NO
    assert recognise_anywhere(b"\x07" + HELLO).said is not None
    broken = records(client_hello(None, tail=b"\x00"))
    assert recognise_anywhere(b"\x07" + broken).recognition is Recognition.NO
