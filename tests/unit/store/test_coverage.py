from __future__ import annotations

from pathlib import Path

import pytest

from egret.store.coverage import CoverageStore
from egret.store.database import Database
from egret.telemetry.coverage import Interval


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "i.db")


def hour(number: int, seen: int = 1) -> Interval:
    return Interval(start_s=number * 3600, seconds=60, counts={"named_by": {"hello": seen}})


def test_hours_come_back_in_order_the_youngest_within_the_limit(database: Database) -> None:
    store = CoverageStore(database)
    for number in (3, 1, 2):
        store.record(hour(number), 0)
    store.record(hour(3, seen=9), 0)
    assert store.hours(2) == [hour(2), hour(3, seen=9)]


def test_old_hours_are_forgotten(database: Database) -> None:
    store = CoverageStore(database)
    store.record(hour(1), 0)
    store.record(hour(9), 2 * 3600)
    assert [row.start_s for row in store.hours(99)] == [9 * 3600]


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"seconds": 1, "counts": {"a": 1}}', '{"seconds": "x", "counts": {}}']
)
def test_rows_that_cannot_be_read_are_left_out(database: Database, body: str) -> None:
    store = CoverageStore(database)
    store.record(hour(1), 0)
    database.run(lambda connection: connection.execute("INSERT INTO coverage VALUES (7, ?)", (body,)))
    assert store.hours(9) == [hour(1)]
