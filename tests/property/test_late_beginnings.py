"""Connections whose SYN was not seen say the same whether the gate takes their hellos and requests or the observer does."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from egret.track.limits import Limits
from tests.support import http_jumbles
from tests.support.hello import SYN
from tests.support.http_jumbles import outcome
from tests.support.jumbles import STEPS_NS, jumble


def unopened(frames: list[bytes], chance: random.Random) -> list[bytes]:
    """Without most of the SYNs, and perhaps without what servers say."""
    lost, mute = chance.choice((0.5, 0.9, 1)), chance.random() < 0.5
    kept = [frame for frame in frames if not (_segment(frame)[13:14] == bytes([SYN]) and chance.random() < lost)]
    return [frame for frame in kept if not (mute and _segment(frame)[:2] == b"\x01\xbb")]


def _segment(frame: bytes) -> bytes:
    """What is behind the IP header."""
    return frame[14 + (20 if frame[14] >> 4 == 4 else 40) :]


@settings(max_examples=25, deadline=None)
@example(3, 1_000, 8_192, True)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS), st.sampled_from([8_192, 5, 1]), st.booleans())
def test_connections_that_had_begun_say_the_same(seed: int, step_ns: int, most: int, http: bool) -> None:
    chance = random.Random(seed)
    frames = unopened((http_jumbles.jumble if http else jumble)(chance, 30), chance)
    limits = Limits(http_flows=most)
    told = outcome(frames, step_ns, limits, gated=False)
    assert outcome(frames, step_ns, limits, pure=True) == told
    assert outcome(frames, step_ns, limits) == told
