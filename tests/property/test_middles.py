"""Connections of which the beginning or a side is missing say the same with the gate, in Python and C, as without."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from egret.model import Recognition
from egret.track.late import begins_hello
from egret.track.middle import LEAST, is_middle
from egret.track.recognise import is_server, recognise_anywhere
from tests.support.jumbles import STEPS_NS, outcome, streams
from tests.support.middles import Middle, middles


@settings(max_examples=25, deadline=None)
@example(1, 1_000, 4_096)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS), st.sampled_from([4_096, 4, 1]))
def test_the_same_with_and_without_a_gate(seed: int, step_ns: int, most: int) -> None:
    frames = middles(random.Random(seed), 25)
    told = outcome(frames, step_ns, gated=False)
    assert outcome(frames, step_ns, pure=True, most=most) == told
    assert outcome(frames, step_ns, most=most) == told


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1 << 32))
def test_nothing_begins_with_what_is_passed_over(seed: int) -> None:
    chance = random.Random(seed)
    connection = Middle(chance)
    data = bytearray(connection._bulk(chance.choice((1200, 1400, 5_000))))
    for _ in range(chance.choice((0, 1, 4))):
        data[chance.randrange(12)] = chance.choice(
            (0, 1, 3, 4, 5, 9, 10, 0x16, 0x20, 0x41, 0x80, chance.randrange(256))
        )
    for size in (len(data), chance.randrange(len(data))):
        segment = bytes(data[:size])
        if not is_middle(segment, len(data)):
            continue
        for behind in (b"", streams()[0], b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", chance.randbytes(9_000)):
            found = recognise_anywhere(segment + behind)
            hidden = behind == streams()[0] and found.size > len(segment)
            assert found.recognition is Recognition.NO or hidden, (segment[:40], found)
        assert not is_server(segment)
        assert not begins_hello(memoryview(segment))


def test_noise_is_passed_over_nearly_always() -> None:
    chance = random.Random(1)
    passed = sum(is_middle(chance.randbytes(1400), 1400) for _ in range(2_000))
    assert passed > 1_800
    assert not is_middle(chance.randbytes(LEAST - 1), LEAST - 1)
