"""Young connections that are held, and let go at any moment, say and leave behind what they would if none were held."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.jumbles import STEPS_NS, jumble, outcome


@settings(max_examples=50, deadline=None)
@example(1, 400_000_000, 4_096)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS), st.sampled_from([4_096, 4, 1]))
def test_connections_that_cross_say_the_same_held_or_not(seed: int, step_ns: int, most: int) -> None:
    frames = jumble(random.Random(seed), 40)
    told = outcome(frames, step_ns, gated=False)
    assert outcome(frames, step_ns, pure=True, most=most) == told
    assert outcome(frames, step_ns, most=most) == told
