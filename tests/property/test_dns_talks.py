"""DNS over TCP that the gate follows says and leaves behind what it would if the observer read each message."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from egret.track.dns_table import NAME, Directions
from egret.track.limits import Limits
from tests.support.dns_jumbles import STEPS_NS, Side, jumble, outcome, tabled
from tests.support.native import compiled as _gate

ENDS = b"\xc0\0\2\1\xcb\0\x71\1\x9c\x40\0\x35"


@settings(max_examples=60, deadline=None)
@example(1, 400_000_000, 8_192, 1 << 25)
@example(10_225, 1_000, 8_192, 1 << 25)
@example(4, 1_000, 8_192, 1 << 25)
@given(
    st.integers(0, 1 << 32),
    st.sampled_from(STEPS_NS),
    st.sampled_from([8_192, 5, 1]),
    st.sampled_from([1 << 25, 1 << 25, 200, 3]),
)
def test_connections_that_cross_say_the_same_followed_or_not(seed: int, step_ns: int, most: int, held: int) -> None:
    frames = jumble(random.Random(seed), 30, alone=held < 1 << 25)  # the other streams have their part of those bytes
    limits = Limits(dns_streams=most, dns_bytes=held)
    told = outcome(frames, step_ns, limits, gated=False)
    assert outcome(frames, step_ns, limits, pure=True) == told
    assert outcome(frames, step_ns, limits) == told


def made(limit: int, evictions: Counter[str]) -> _gate.DnsTable:
    """A compiled table by itself."""
    return _gate.DnsTable(
        name=NAME,
        limit=limit,
        most_held=100,
        evictions=evictions,
        restored=lambda _ends, _interface, _anchor, position, last_ns, waiting: Side(last_ns, position + len(waiting)),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from([1, 5, 100]))
def test_both_tables_are_the_same(seed: int, limit: int) -> None:
    counts = Counter[str](), Counter[str]()
    other = Directions[Side](limit, counts[1])
    assert tabled(made(limit, counts[0]), counts[0], seed) == tabled(other, counts[1], seed)


def test_one_at_rest_is_made_anew_when_somebody_asks() -> None:
    table = made(3, Counter())
    for key in (1, 2, 3):
        table.put(key, Side(key))
        table.rest(key, ENDS, "eth0", 7, 40, key * 100)
    table.rest(9, ENDS, "eth0", 7, 40, 1)
    table.rest(2, ENDS, None, 7, 40, 1)
    assert (len(table), table.all()) == (3, [])
    table.set_back(250)
    side = table.get(3)
    assert (side.last_ns, side.size, table.get(3) is side) == (250, 40, True)
    assert [key for key, _ in table.due(1_000, 750, 800)] == [3]
    assert len(table) == 1


def test_what_is_of_another_kind_is_refused() -> None:
    table = made(2, Counter())
    table.put(1, Side(1))
    with pytest.raises(ValueError, match="ends"):
        table.rest(1, b"abc", None, 1, 1, 1)
    with pytest.raises(OverflowError):
        table.get(1 << 64)
    with pytest.raises(KeyError):
        table.touch(7)
    with pytest.raises(ValueError, match="limit"):
        made(-1, Counter())
    table.rest(1, ENDS, None, 1, 1, 1 << 70)
    assert table.get(1).last_ns == 1


def test_what_python_says_of_it_may_fail() -> None:
    broken = _gate.DnsTable(name="n", limit=1, most_held=0, evictions=Counter(), restored=lambda *_: 1 // 0)
    broken.put(1, Side(1))
    broken.rest(1, ENDS, None, 1, 1, 1)
    for call in (lambda: broken.get(1), broken.evict, lambda: broken.put(2, Side(2))):
        with pytest.raises(ZeroDivisionError):
            call()
    assert len(broken) == 1
