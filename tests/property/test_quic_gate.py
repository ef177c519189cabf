"""What QUIC connections begin with says the same where it passes the gate and where it is fed."""

from __future__ import annotations

import os
import random
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.track.limits import Limits
from egret.worker import engine
from tests.support.gated import passed
from tests.support.quic_jumbles import LIMITS, STEPS_NS, check, jumble


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS), st.sampled_from(LIMITS))
def test_it_says_the_same_as_what_is_fed(seed: int, step_ns: int, limits: Limits) -> None:
    frames = jumble(random.Random(seed), 12)
    with patch.dict(os.environ, {engine.SWITCH: "1"}):
        assert passed(frames, step_ns, gated=True, limits=limits) == passed(frames, step_ns, gated=False, limits=limits)


@pytest.mark.skipif(engine.compiled is None, reason="no compiled gate")
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_the_compiled_gate_says_the_same(seed: int) -> None:
    check(engine.compiled, seed)
