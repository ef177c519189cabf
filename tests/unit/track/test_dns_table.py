from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from egret.track.dns_table import NAME, Directions


@dataclass
class Side:
    last_ns: int


def test_the_oldest_has_to_go_and_who_put_another_hears_of_it() -> None:
    evictions = Counter[str]()
    table = Directions[Side](2, evictions)
    one, other, third = Side(1), Side(2), Side(3)
    assert [table.put(1, one), table.put(2, other)] == [None, None]
    table.touch(1)
    assert table.put(3, third) is other
    assert (len(table), evictions[NAME], table.all(), table.get(2)) == (2, 1, [one, third], None)
    assert table.evict() is one
    table.pop(3)
    assert (len(table), evictions[NAME], table.evict()) == (0, 2, None)


def test_those_are_due_that_were_last_heard_long_ago() -> None:
    table = Directions[Side](9, Counter())
    for key, last_ns in enumerate((10, 20, 90, 5)):
        table.put(key, Side(last_ns))
    assert table.due(100, 80, 1_000) == [(0, Side(10)), (1, Side(20))]
    table.set_back(15)
    assert table.all() == [Side(10), Side(15), Side(15), Side(5)]
