"""The compiled table of QUIC's pairs keeps what the one in Python keeps, and lets the same go."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.track.attempt import Pair
from egret.track.pairs import Pairs, PairTable, restored
from tests.support.native import compiled as _gate

ENDS = bytes(8) + b"\x9c\x40\x01\xbb"


def compiled(limit: int, evictions: Counter[str]) -> PairTable:
    known = _gate.Truths(1, bytes(16))
    table: PairTable = _gate.Pairs(
        name="quic_flows",
        limit=limit,
        most=1 << 20,
        evictions=evictions,
        restored=restored,
        told=lambda *_: False,
        hosts=known,
        clients=known,
        servers=known,
        watched=(),
    )
    return table


def keys(pairs: list[Pair]) -> list[tuple[int, int]]:
    return [(pair.key, pair.last_ns) for pair in pairs]


def kept(table: PairTable, chance: random.Random) -> list[object]:
    """What a table says to a hundred questions."""
    said: list[object] = []
    for _ in range(100):
        key, time_ns = chance.randrange(-20, 20), chance.choice((chance.randrange(200), 1 << 70, -5))
        there = table.get(key)
        match chance.randrange(8):
            case 0 | 1 | 2:
                pair = Pair(key, ENDS, None)
                pair.last_ns = time_ns
                gone = table.put(key, pair)
                said.append(gone and gone.key)
            case 3 if there is not None:
                table.touch(key)
            case 4 if there is not None:
                table.pop(key)
            case 5:
                gone = table.evict() if chance.random() < 0.2 else table.oldest()
                said.append(gone and gone.key)
            case 6:
                said.append(keys(table.unused_since(time_ns, time_ns)))
            case _ if chance.random() < 0.2:
                table.set_back(time_ns)
        said += [len(table), there and there.last_ns]
    return [*said, keys(table.unused_since(1 << 80, 0))]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from([0, 1, 5, 1000]))
def test_it_keeps_the_same(seed: int, limit: int) -> None:
    one, other = Counter[str](), Counter[str]()
    assert kept(compiled(limit, one), random.Random(seed)) == kept(Pairs(limit, other), random.Random(seed))
    assert one == other


def test_many_are_kept() -> None:
    table = compiled(1 << 14, Counter())
    for key in range(1 << 14):
        table.put(key << 20, Pair(key, ENDS, None))
    assert all((pair := table.get(key << 20)) is not None and pair.key == key for key in range(1 << 14))
    assert table.get(1) is None


def test_what_is_no_key_is_refused() -> None:
    table: object = compiled(1, Counter())
    for name, arguments in (("get", ("x",)), ("put", (1,)), ("unused_since", (1,)), ("set_back", ("x",))):
        with pytest.raises(TypeError):
            getattr(table, name)(*arguments)
    with pytest.raises(KeyError):
        getattr(table, "touch")(1)  # noqa: B009
    with pytest.raises(TypeError):
        compiled(-1, Counter())
