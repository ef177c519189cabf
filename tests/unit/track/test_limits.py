from __future__ import annotations

import pytest

from egret.track.limits import Counters, Limits


def test_every_limit_is_a_positive_number() -> None:
    limits = Limits()
    for name in Limits.__struct_fields__:
        assert name in {"memory", "read_lookup"} or getattr(limits, name) > 0
    with pytest.raises(AttributeError, match="immutable"):
        limits.flows = 1  # type: ignore[misc]


def test_counters_start_at_nothing() -> None:
    one, other = Counters(), Counters()
    one.evictions["flows"] += 1
    assert not other.evictions
    assert (other.frames, other.bytes, other.duplicates, other.tracked) == (0, 0, 0, {})
