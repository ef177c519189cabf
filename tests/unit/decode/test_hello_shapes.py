from __future__ import annotations

import pytest

from egret.decode import hello_shapes
from egret.decode.hello_shapes import HelloShapes
from egret.decode.plain_hello import plain_server_name
from tests.support.hello import client_hello, ech_outer, extension, openssl_hello, records


def test_a_shape_that_was_seen_gives_the_name_that_lies_there(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[bytes] = []

    def walk(data: bytes) -> bytes | None:
        walked.append(data)
        return plain_server_name(data)

    monkeypatch.setattr(hello_shapes, "plain_server_name", walk)
    shapes = HelloShapes({b"one.example"})
    for name in ("one.example", "two.example", "six.example", "One.example", "1.2.3.4.5.6"):
        hello = openssl_hello(name)
        assert shapes.server_name(hello) == plain_server_name(hello)
    assert len(walked) == 1
    for name in ("three.example", "seven.example", "one.example", "www.example.org"):
        assert shapes.server_name(openssl_hello(name)) == name.encode()
    assert len(walked) == 3


@pytest.mark.parametrize("key_share", [32, 1216])
def test_keys_tickets_and_randoms_may_be_others_and_nothing_else(key_share: int) -> None:
    extensions = [extension(35, bytes(40)), extension(0x2A2A, b"\1\2\3"), extension(41, bytes(50))]
    hello = records(client_hello(b"www.example.org", key_share=key_share, extensions=extensions))
    shapes, free = HelloShapes(), 0
    assert shapes.server_name(hello) == b"www.example.org"
    known = dict(shapes._shapes)
    for at in range(len(hello)):
        odd = hello[:at] + bytes([hello[at] ^ 1]) + hello[at + 1 :]
        assert shapes.server_name(odd) == plain_server_name(odd), at
        free += shapes._shapes == known
        shapes._shapes = dict(known)
    assert free >= 32 + 32 + 40 + 50 + key_share


def test_what_is_not_plain_leaves_no_shape() -> None:
    shapes = HelloShapes()
    odd = [
        b"",
        b"x" * 200,
        openssl_hello("WWW.example"),
        records(client_hello(b"a.example", extensions=[ech_outer(1)])),
    ]
    assert [shapes.server_name(each) for each in odd] == [None] * 4
    assert not shapes._shapes


def test_shapes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hello_shapes, "MAX_SHAPES", 3)
    shapes = HelloShapes()
    for size in range(10):
        assert shapes.server_name(openssl_hello("w" * size + "w.example")) is not None
        assert len(shapes._shapes) <= 3
    long = records(client_hello(b"a.example", key_share=5000))
    assert shapes.server_name(long) == b"a.example"
    assert len(long) not in {length for length, _, _ in shapes._shapes}
