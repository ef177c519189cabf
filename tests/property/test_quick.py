"""Young connections that are held, and let go at any moment, say and leave behind what they would if none were held."""

from __future__ import annotations

import random
from itertools import chain, islice
from typing import Any
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.workloads import tls_connections
from egret.worker import quick
from egret.worker.gate import Gate
from egret.worker.quick import Quick
from tests.support.gated import passed, passed_as_file
from tests.support.jumbles import STEPS_NS, jumble, outcome


@settings(max_examples=50, deadline=None)
@example(1, 400_000_000, 4_096)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS), st.sampled_from([4_096, 4, 1]))
def test_connections_that_cross_say_the_same_held_or_not(seed: int, step_ns: int, most: int) -> None:
    frames = jumble(random.Random(seed), 40)
    told = outcome(frames, step_ns, gated=False)
    assert outcome(frames, step_ns, pure=True, most=most) == told
    assert outcome(frames, step_ns, most=most) == told


@settings(max_examples=50, deadline=None)
@example(570, 1_000, 4_096)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS), st.sampled_from([4_096, 4, 1]))
def test_in_a_file_they_say_what_their_frames_say(seed: int, step_ns: int, most: int) -> None:
    chance = random.Random(seed)
    frames = jumble(chance, 40)
    for _ in range(chance.choice((0, 5))):
        odd = bytearray(chance.choice(frames))
        odd[chance.choice((12, 14, 16, 17, 20, 23, 46, 47, chance.randrange(len(odd))))] ^= 1 << chance.randrange(8)
        frames.insert(chance.randrange(len(frames)), bytes(odd[: chance.choice((len(odd), len(odd), 60))]))
    with patch.object(quick, "MAX_HELD", most):
        assert passed_as_file(frames, step_ns, pure=True) == passed(frames, step_ns, gated=False)


def test_those_that_follow_each_other_are_gone_over_at_once() -> None:
    run, taken = Quick.run, list[int]()

    def counted(self: Quick, *place: Any) -> tuple[int, int, int]:
        found = run(self, *place)
        taken.append(found[2])
        return found

    segments = chain.from_iterable(each for _, each in tls_connections(random.Random(1)))
    with patch.object(Quick, "run", counted):
        passed_as_file(list(islice(segments, 200)), 1_000, pure=True)
    assert max(taken) > 50


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
