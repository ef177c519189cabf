"""What begins connections is the same to the compiled gate as to the one in Python, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.plain_hello import first_of_plain, read_plain
from tests.support.jumbles import check, streams
from tests.support.native import compiled as _gate


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32))
def test_it_holds_says_and_remembers_the_same(seed: int) -> None:
    check(_gate, seed)


@pytest.mark.parametrize("hello", [streams()[0], streams()[7]], ids=["OpenSSL", "post-quantum"])
def test_every_byte_of_a_hello_may_be_another_and_every_end_missing(hello: bytes) -> None:
    for at in range(len(hello)):
        cut = hello[:at]
        assert (_gate.read_plain(cut), _gate.first_of_plain(cut)) == (None, first_of_plain(cut))
        for value in {0, 1, 0x7F, 0x80, 0xFF, hello[at] ^ 1, (hello[at] + 1) & 0xFF, (hello[at] - 1) & 0xFF}:
            odd = hello[:at] + bytes([value]) + hello[at + 1 :]
            assert _gate.read_plain(odd) == read_plain(odd), (at, value)


def test_what_cannot_be_remembered_is_refused() -> None:
    memory = _gate.Remembered("r", 5, {})
    for wrong in (1 << 62, -9):
        with pytest.raises(ValueError, match="remembered"):
            memory.put(1, wrong)
    with pytest.raises(OverflowError):
        memory.get(1 << 64)
    with pytest.raises(TypeError):
        memory.put(1)
    memory.put(1, 2)
    memory.on_forgetting = lambda: 1 // 0
    with pytest.raises(ZeroDivisionError):
        memory.forget(1)


def test_what_is_of_another_kind_is_refused() -> None:
    words = [
        "volumes",
        "decided",
        "late",
        "flows",
        "requests",
        "replies",
        "hosts",
        "clients",
        "servers",
        "watched",
        "armed",
        "told",
        "packets",
    ]
    with pytest.raises(TypeError, match="of this module"):
        _gate.Quick(**dict.fromkeys(words), limit=5, secret=bytes(16))
    with pytest.raises(TypeError):
        _gate.read_plain("x")
    assert _gate.read_plain(b"") is None
