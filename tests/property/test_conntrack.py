"""Whatever an answer of connection tracking holds, it is counters of the flow that was asked for, or nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egret.sources.conntrack import is_answer, parse
from egret.track.tally import Tallied, Tally
from tests.support.conntrack import FLOW, SIX, entry

SEEDS = [entry(flow, 7, 128, 1, 1028, 2) for flow in (FLOW, SIX)]
COUNTER = st.integers(0, (1 << 63) - 1)
CHANGES = st.lists(st.tuples(st.integers(0, len(SEEDS[1]) - 1), st.integers(0, 255)), max_size=8)


@given(st.sampled_from(SEEDS), CHANGES, st.integers(0, 400), st.binary(max_size=40))
def test_changed_answers(seed: bytes, changes: list[tuple[int, int]], cut: int, more: bytes) -> None:
    data = bytearray(seed)
    for at, value in changes:
        data[at % len(data)] = value
    changed = bytes(data[:cut]) + more
    is_answer(changed, 1)
    for flow in (FLOW, SIX):
        found = parse(changed, flow)
        assert found is None or all(0 <= each < 1 << 64 for each in found)


@given(st.sampled_from([4, 16, 7]), st.booleans(), st.lists(st.none() | st.builds(Tally, *[COUNTER] * 5), max_size=8))
def test_any_counters_one_after_the_other(length: int, whole: bool, tallies: list[Tally | None]) -> None:
    tallied = Tallied(length)
    tallied.whole = whole
    for tally in tallies:
        tallied.take(tally, (5, 5))
        assert min(tallied.content((5, 5))) >= 0
