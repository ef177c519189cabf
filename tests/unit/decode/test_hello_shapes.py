from __future__ import annotations

import pytest

from egret.decode import hello_shapes
from egret.decode.hello_shapes import HelloShapes
from egret.decode.plain_hello import NO_ECH, Plain, read_plain
from tests.support.hello import client_hello, ech_outer, extension, openssl_hello, records, without_session


def test_a_shape_that_was_seen_gives_the_name_that_lies_there(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[bytes] = []

    def walk(data: bytes) -> Plain | None:
        walked.append(data)
        return read_plain(data)

    monkeypatch.setattr(hello_shapes, "read_plain", walk)
    shapes = HelloShapes({b"one.example"})
    for name in ("one.example", "two.example", "six.example", "One.example", "1.2.3.4.5.6"):
        hello = openssl_hello(name)
        assert shapes.read(hello) == read_plain(hello)
    assert len(walked) == 1
    for name in ("three.example", "seven.example", "one.example", "www.example.org"):
        assert shapes.read(openssl_hello(name)) == (name.encode(), NO_ECH)
    assert len(walked) == 3


def test_without_a_session_as_in_quic_programs_are_told_apart_by_their_ciphers_all_the_same() -> None:
    shapes = HelloShapes()
    for share in range(5):
        keys = extension(51, b"\0\x24\0\x1d\0\x20" + bytes([share]) * 32)
        hello = records(without_session(client_hello(b"www.example.org", extensions=[keys])))
        assert shapes.read(hello) == read_plain(hello) == (b"www.example.org", NO_ECH)
    assert len(shapes._shapes) == 1


@pytest.mark.parametrize("key_share", [32, 1216])
def test_keys_tickets_and_randoms_may_be_others_and_nothing_else(key_share: int) -> None:
    extensions = [extension(35, bytes(40)), extension(0x2A2A, b"\1\2\3"), extension(41, bytes(50)), ech_outer(9)]
    hello = records(client_hello(b"www.example.org", key_share=key_share, extensions=extensions))
    shapes, free = HelloShapes(), 0
    assert shapes.read(hello) == (b"www.example.org", 9)
    known = dict(shapes._shapes)
    for at in range(len(hello)):
        odd = hello[:at] + bytes([hello[at] ^ 1]) + hello[at + 1 :]
        assert shapes.read(odd) == read_plain(odd), at
        free += shapes._shapes == known
        shapes._shapes = dict(known)
    assert free >= 32 + 32 + 40 + 50 + 180 + key_share


def test_what_is_not_plain_leaves_no_shape() -> None:
    shapes = HelloShapes()
    odd = [
        b"",
        b"x" * 200,
        openssl_hello("WWW.example"),
        records(client_hello(b"a.example", extensions=[extension(0xFE0D, b"\1")])),
    ]
    assert [shapes.read(each) for each in odd] == [None] * 4
    assert not shapes._shapes


def test_shapes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hello_shapes, "MAX_SHAPES", 3)
    shapes = HelloShapes()
    for size in range(10):
        assert shapes.read(openssl_hello("w" * size + "w.example")) is not None
        assert len(shapes._shapes) <= 3
    long = records(client_hello(b"a.example", key_share=5000))
    assert shapes.read(long) == (b"a.example", NO_ECH)
    assert len(long) not in {length for length, _, _ in shapes._shapes}


def test_a_program_that_never_says_the_same_twice_is_no_longer_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hello_shapes, "MAX_OF_PROGRAM", 3)
    shapes = HelloShapes()
    for number in range(6):
        hello = records(client_hello(b"a.example", extensions=[extension(0x1A1A + number, b"")]))
        assert shapes.read(hello) == (b"a.example", NO_ECH)
        assert sum(shapes._learnt.values()) == min(number + 1, 3)
