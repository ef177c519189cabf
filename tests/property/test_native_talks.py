"""What follows HTTP connections is the same to the compiled gate as to the one in Python, byte for byte."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.plain_request import read_plain
from tests.support.http_jumbles import check, compiled_talks, request
from tests.support.native import compiled as _gate


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32))
def test_it_follows_reads_and_remembers_the_same(seed: int) -> None:
    check(_gate, seed)


@pytest.mark.parametrize(
    "whole",
    [
        b"GET /a HTTP/1.1\r\nAccept: b\r\nHOST: \twww.example.org:80 \r\nContent-Length: 7\r\n\r\nx",
        b"OPTIONS / HTTP/1.0\r\nContent-Length:999999999 \r\nHost:a.example\r\nTransfer-Encodings: x\r\n\r\n",
    ],
)
def test_every_byte_of_a_request_may_be_another_and_every_end_missing(whole: bytes) -> None:
    assert _gate.read_request(whole) == read_plain(whole)
    for at in range(len(whole)):
        assert _gate.read_request(whole[:at]) == read_plain(whole[:at]), at
        for value in {0, 9, 10, 13, 32, 0x2E, 0x3A, 0x7F, 0x80, whole[at] ^ 0x20, whole[at] ^ 1, whole[at] + 1 & 0xFF}:
            odd = whole[:at] + bytes([value]) + whole[at + 1 :]
            assert _gate.read_request(odd) == read_plain(odd), odd
        for more in (b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\r\nHost: b.example"):
            odd = whole[:at] + more + whole[at:]
            assert _gate.read_request(odd) == read_plain(odd), odd


def test_long_names_and_long_requests() -> None:
    for size in (3_900, 4_096, 4_097, 9_000):
        for host in (b"a." * 126 + b"a", b"a." * 126 + b"aa", b"a" * 63 + b".b", b"a" * 64 + b".b", b"a.b:123456"):
            head = b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nCookie: "
            whole = head + b"x" * (size - len(head) - 4) + b"\r\n\r\n"
            assert _gate.read_request(whole) == read_plain(whole), (size, host)
    chance = random.Random(1)
    assert any(_gate.read_request(request(chance)) for _ in range(20))


def test_what_is_of_another_kind_is_refused() -> None:
    talks = compiled_talks(_gate, 5, [], Counter())
    with pytest.raises(ValueError, match="ends"):
        talks.rest(1, b"abc", None, 1, b"a.example")
    with pytest.raises(OverflowError):
        talks.get(1 << 64)
    with pytest.raises(KeyError):
        talks.touch(1)
    with pytest.raises(TypeError):
        _gate.read_request("x")
    with pytest.raises(TypeError):
        compiled_talks(_gate, -1, [], Counter())


def test_what_python_says_of_it_may_fail() -> None:
    broken = _gate.Talks(
        name="n",
        limit=1,
        evictions=Counter(),
        restored=lambda *_: 1 // 0,
        dropped=lambda _: 1 // 0,
        passes=None,
        hosts=_gate.Truths(1, bytes(16)),
        clients=_gate.Truths(1, bytes(16)),
        servers=_gate.Truths(1, bytes(16)),
        watched=(),
    )
    broken.rest(1, b"abcdABCD1234", None, 1, b"a.example")
    with pytest.raises(ZeroDivisionError):
        broken.get(1)
    broken.put(1, [])
    with pytest.raises(ZeroDivisionError):
        broken.put(2, [])
    assert 2 in broken
