from __future__ import annotations

import random
from collections import Counter
from typing import cast

from egret.track.tables import LruTable, Memory, Remembered, for_both, set_back, unused_since


def test_the_oldest_goes_first() -> None:
    evictions: Counter[str] = Counter()
    table: LruTable[str, int] = LruTable("t", 2, evictions)
    assert table.put("a", 1) is None
    assert table.put("b", 2) is None
    table.touch("a")
    assert table.put("c", 3) == 2
    assert table.put("c", 4) is None
    assert list(table.oldest_first()) == [("a", 1), ("c", 4)]
    assert (len(table), table.get("b"), evictions["t"]) == (2, None, 1)
    assert table.pop("a") == 1
    assert table.evict() == 4
    assert table.evict() is None


def test_what_is_used_survives_generations() -> None:
    evictions: Counter[str] = Counter()
    remembered = Remembered("r", 3, evictions)
    remembered.put(0, 100)
    for key in range(1, 50):
        remembered.put(key, key)
        assert remembered.get(0) == 100
        assert len(remembered) <= 6
    assert remembered.get(1) is None
    assert evictions["r"] > 30
    remembered.forget(0)
    assert remembered.get(0) is None
    remembered.put(49, 7)
    assert remembered.get(49) == 7


def test_two_at_once_are_two_one_after_the_other() -> None:
    chance, counts = random.Random(3), (Counter[str](), Counter[str]())
    one, other = (Remembered("r", 5, counted) for counted in counts)
    knows, put = for_both(other)
    for _ in range(2_000):
        key, second, value = chance.randrange(12), chance.randrange(12), chance.randrange(9)
        if chance.random() < 0.5:
            one.put(key, value)
            one.put(second, value + 1)
            put(key, value, second, value + 1)
        else:
            assert knows(key, second) == (one.get(key) is not None or one.get(second) is not None)
        assert (one._young, one._old, counts[0]) == (other._young, other._old, counts[1])


class Stranger:
    """A memory that is not ours."""

    def __init__(self) -> None:
        self.known: dict[int, int] = {}
        self.get, self.put = self.known.get, self.known.__setitem__


def test_of_any_memory_two_at_once() -> None:
    stranger = Stranger()
    knows, put = for_both(cast("Memory", stranger))
    put(1, 5, 2, 6)
    assert stranger.known == {1: 5, 2: 6}
    assert (knows(1, 3), knows(3, 2), knows(3, 4)) == (True, True, False)


class Entry:
    def __init__(self, last_ns: int) -> None:
        self.last_ns = last_ns


def test_what_was_not_used_for_long_and_time_set_back() -> None:
    table: LruTable[int, Entry] = LruTable("x", 10, Counter())
    for last_ns in (1, 5, 9):
        table.put(last_ns, Entry(last_ns))
    assert [entry.last_ns for entry in unused_since(table, 5)] == [1, 5]
    set_back(table, 4)
    assert [entry.last_ns for _, entry in table.oldest_first()] == [1, 4, 4]


def test_its_keys_are_those_of_now() -> None:
    table: LruTable[str, int] = LruTable("t", 2, Counter())
    keys = table.keys
    for key in "abc":
        table.put(key, 1)
    assert ("a" in keys, "c" in keys) == (False, True)
