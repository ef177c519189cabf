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


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans())))
def test_truths_are_those_of_a_dict_until_there_is_one_too_many(puts: list[tuple[int, bool]]) -> None:
    truths, known = _gate.Truths(20, bytes(16)), dict[bytes, bool]()
    for number, truth in puts:
        key = bytes([number]) * number
        assert truths.get(key) == known.get(key)
        assert (key in truths) == (key in known)
        if len(known) >= 20:
            known.clear()
        truths[key] = known[key] = truth
        assert len(truths) == len(known)
    truths.clear()
    assert not truths
    assert truths.get(b"") is None


def test_truths_grow_to_their_limit() -> None:
    truths = _gate.Truths(1 << 16, b"known to nobody.")
    for number in range(1 << 16):
        truths[number.to_bytes(3)] = number % 3
    assert len(truths) == 1 << 16
    assert all(truths.get(number.to_bytes(3)) is bool(number % 3) for number in range(1 << 16))
    assert truths.get(bytes(4)) is None


def test_what_is_no_truth_is_refused() -> None:
    truths = _gate.Truths(5, bytes(16))
    for wrong in (lambda: truths.get("x"), lambda: "x" in truths, lambda: truths.__setitem__("x", True)):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(ValueError, match="secret"):
        _gate.Truths(5, b"")


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
