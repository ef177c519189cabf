"""Young connections that are held, and let go at any moment, say and leave behind what they would if none were held."""

from __future__ import annotations

import random
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from egret.worker.gate import Gate
from tests.support.jumbles import STEPS_NS, jumble, outcome


@settings(max_examples=50, deadline=None)
@example(1, 400_000_000, 4_096)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS), st.sampled_from([4_096, 4, 1]))
def test_connections_that_cross_say_the_same_held_or_not(seed: int, step_ns: int, most: int) -> None:
    frames = jumble(random.Random(seed), 40)
    told = outcome(frames, step_ns, gated=False)
    assert outcome(frames, step_ns, pure=True, most=most) == told
    assert outcome(frames, step_ns, most=most) == told


def test_what_a_hello_leaves_is_what_the_streams_say() -> None:
    is_left, asked = Gate._is_left, list[bytes]()

    def checked(gate: Gate, ends: bytes, starts: frozenset[int]) -> bool:
        asked.append(ends)
        assert not is_left(gate, ends, starts) or gate._watched(ends) == starts
        assert not gate._is_measured(ends)
        return is_left(gate, ends, starts)

    with patch.object(Gate, "_is_left", checked):
        for seed in range(10):
            outcome(jumble(random.Random(seed), 40), 1_000, pure=True)
    assert asked  # though not by every seed: all of a server's connections may be counted
