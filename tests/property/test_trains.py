"""Fragments that the compiled gate holds are as if the observer had had them at once; whatever comes between, or never."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.native import compiled
from tests.support.trains import check

SECOND_NS = 1_000_000_000


@settings(max_examples=25, deadline=None)
@example(3, 1_000)
@given(st.integers(0, 1 << 32), st.sampled_from([1_000, 400_000_000, 3 * SECOND_NS]))
def test_all_that_is_said_is_the_same(seed: int, step_ns: int) -> None:
    check(seed, step_ns)


def test_what_it_is_no_place_for_is_refused() -> None:
    with pytest.raises(TypeError):
        compiled.Trains([])
    trains = compiled.Trains({})
    with pytest.raises(TypeError):
        trains.allow("many", 1)
    assert (trains.take(), trains.since(), len(trains)) == ([], None, 0)
