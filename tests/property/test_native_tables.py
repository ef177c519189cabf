"""The tables of the compiled gate know what those in Python know."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.jumbles import check_waiting
from tests.support.native import compiled as _gate


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


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 32))
def test_answers_wait_and_are_dropped_in_the_same_order(seed: int) -> None:
    check_waiting(_gate, seed)


def test_what_is_no_client_is_refused() -> None:
    waiting = _gate.Waiting(1000)
    for call, arguments in ((waiting.take, ("x",)), (waiting.add, (b"x", 1)), (waiting.add, ("x", 1, b""))):
        with pytest.raises(TypeError):
            call(*arguments)
    waiting.add(bytes(17), 1, b"")  # no address is that long
    assert len(waiting) == 0
