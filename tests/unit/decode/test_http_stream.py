from __future__ import annotations

import pytest

from egret.decode.http_stream import MAX_KEPT, MAX_SIFTED, Sieve, measure_chunks
from egret.errors import Malformed, Unsupported

HEAD = (
    b"\r\nPOST / HTTP/1.1\r\nAccept: x\r\nHost:\r\n a.example\r\nX: y\r\n folded\r\nHOST : b.example\r\n"
    b"Content-Length: 7\r\nCookie: " + b"c" * 9000 + b"\r\nTransfer-Encoding: x\r\n\r\n"
)
KEPT = (
    b"POST / HTTP/1.1\r\nHost:\r\n a.example\r\nHOST : b.example\r\nContent-Length: 7\r\nTransfer-Encoding: x\r\n\r\n"
)


@pytest.mark.parametrize("step", [1, 7, 100, 3000, 20_000])
def test_the_lines_that_matter_are_kept(step: int) -> None:
    sieve, held, most = Sieve(), b"", 0
    for at in range(0, len(HEAD), step):
        held += HEAD[at : at + step]
        held = held[sieve.feed(held) :]
        most = max(most, len(held))
    assert (bytes(sieve.kept), held, sieve.ended) == (KEPT, b"", True)
    assert most <= 2048
    assert sieve.feed(b"GET / HTTP/1.1\r\n") == 0


def test_of_a_long_first_line_both_ends_are_kept() -> None:
    sieve = Sieve()
    assert sieve.feed(b"GET /" + b"p" * 5000) == 5005
    assert sieve.feed(b"p" * 50 + b" HTTP/1.1\r\nHost: a.example\r\n") == 50 + 11 + 17
    first, second, rest = bytes(sieve.kept).split(b"\r\n")
    assert first.startswith(b"GET /ppp")
    assert first.endswith(b"pp HTTP/1.1")
    assert (second, rest) == (b"Host: a.example", b"")


def test_what_is_kept_and_what_is_passed_are_bounded() -> None:
    sieve = Sieve()
    sieve.feed(b"GET / HTTP/1.1\r\n")
    line = b"Host: a.example\r\n"
    sieve.feed(line * (MAX_SIFTED // len(line) - 1))
    assert len(sieve.kept) <= MAX_KEPT
    with pytest.raises(Unsupported):
        sieve.feed(line * 2)


@pytest.mark.parametrize(
    ("data", "size", "ended"),
    [
        (b"", 0, False),
        (b"5", 0, False),
        (b"5\r", 0, False),
        (b"5\r\nhello\r\n", 10, False),
        (b"5\r\nhe", 10, False),
        (b"5\nhello\r\n0\r\n", 9, False),
        (b"5 ; x=y\r\nhello\r\n0\r\nA: b\r\n", 16, False),
        (b"5\r\nhello\r\n0\r\nA: b\r\n\r\nGET", 21, True),
        (b"00\r\n\r\n", 6, True),
        (b"fffffff\r\n", 9 + 0xFFFFFFF + 2, False),
    ],
)
def test_chunks(data: bytes, size: int, ended: bool) -> None:
    assert measure_chunks(data) == (size, ended)


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n", b"\r\n", b"-5\r\n", b"12345678\r\n", b"5" * 2000, b"0\r\n" + b"X: y" * 2000]
)
def test_what_is_no_chunk(data: bytes) -> None:
    with pytest.raises(Malformed):
        measure_chunks(data)
