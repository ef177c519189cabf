from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from egret.daemon.coverage import HOURS, MINUTES, CoverageLedger
from egret.store.coverage import CoverageStore
from egret.store.database import Database
from egret.telemetry import Telemetry
from egret.telemetry.coverage import Length

START_S = 1_790_000_040  # a whole minute, 20 seconds before the next


class Bench:
    """A ledger whose clock the test turns."""

    def __init__(self, store: Path) -> None:
        self.telemetry = Telemetry("test")
        self.telemetry.watch(["lan0", "wg0"])
        self.links = {"lan0": True, "wg0": True}
        self.database = Database(store)
        self.works = True
        hours = CoverageStore(self.database)
        self.ledger = CoverageLedger(self.telemetry, ("lan0", "wg0"), lambda: self.links, hours, self.disk)

    async def disk(self, work: Callable[[], object]) -> object:
        return work() if self.works else None

    def play(self, begin_s: int, seconds: int, connections: int = 0) -> None:
        """Tick through *seconds*, with so many connections and packets on lan0 in each."""

        async def ticks() -> None:
            for second in range(begin_s, begin_s + seconds):
                self.telemetry.apply_worker_counts([(("connections", "tcp", "hello"), connections)])
                self.telemetry.link("lan0", received=connections, dropped=0, up=True)
                await self.ledger.tick(second * 10**9)

        asyncio.run(ticks())


def test_minutes_and_hours_hold_what_came_in_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "i.db")
    bench.play(START_S, 141, connections=2)
    minutes = bench.ledger.rows(Length.MINUTE)
    assert [row.start_s % 60 for row in minutes] == [0, 0]
    assert sum(row.connections for row in minutes) == bench.ledger.rows(Length.HOUR)[0].connections
    assert minutes[1].connections == 120
    assert minutes[1].seconds == 60
    assert minutes[1].part("link_silent_s") == {"wg0": 60}
    assert bench.telemetry.value("egret_coverage_named_ratio") == 1.0
    assert bench.telemetry.value("egret_link_last_packet_timestamp_seconds", "lan0") == START_S + 140
    assert bench.telemetry.value("egret_link_last_packet_timestamp_seconds", "wg0") == 0


def test_a_link_that_is_down_is_not_called_silent(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "i.db")
    bench.links["wg0"] = False
    bench.play(START_S - START_S % 60, 62)
    row = bench.ledger.rows(Length.MINUTE)[0]
    assert row.part("link_down_s") == {"wg0": 60}
    assert row.part("link_silent_s") == {"lan0": 60}


def test_hours_outlive_a_restart_and_the_running_minute_a_stop(tmp_path: Path) -> None:
    first = Bench(tmp_path / "i.db")
    first.play(START_S, 5, connections=3)
    asyncio.run(first.ledger.close((START_S + 5) * 10**9))
    first.database.close()
    second = Bench(tmp_path / "i.db")
    asyncio.run(second.ledger.restore())
    (hour,) = second.ledger.rows(Length.HOUR)
    assert (hour.connections, hour.seconds) == (12, 5)
    second.play(START_S + 10, 61, connections=1)
    assert second.ledger.rows(Length.HOUR)[-1].connections > 12


def test_memory_is_bounded(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "i.db")
    bench.works = False

    async def ticks() -> None:
        for number in range(HOURS + 5):
            await bench.ledger.tick((START_S + number * 3600) * 10**9)

    asyncio.run(ticks())
    assert len(bench.ledger.rows(Length.HOUR)) == HOURS
    assert len(bench.ledger.rows(Length.MINUTE)) == MINUTES
    assert max(row.seconds for row in bench.ledger.rows(Length.MINUTE)) == 60


def test_a_clock_set_back_makes_no_row_longer_than_it_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "i.db")
    bench.play(START_S, 65, connections=1)
    bench.play(START_S - 600, 65, connections=1)
    starts = [row.start_s for row in bench.ledger.rows(Length.MINUTE)]
    assert starts == sorted(starts)
    assert all(row.seconds <= 60 for row in bench.ledger.rows(Length.MINUTE))


def test_without_a_disk_it_begins_empty(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "i.db")
    bench.works = False
    asyncio.run(bench.ledger.restore())
    assert bench.ledger.rows(Length.HOUR) == []


def test_a_store_that_cannot_be_read_at_first_is_added_to_and_not_written_over(tmp_path: Path) -> None:
    first = Bench(tmp_path / "i.db")
    first.play(START_S, 5, connections=3)
    asyncio.run(first.ledger.close((START_S + 5) * 10**9))
    first.database.close()
    second = Bench(tmp_path / "i.db")
    second.works = False
    asyncio.run(second.ledger.restore())
    second.play(START_S + 60, 3661, connections=1)  # until the disk is back another hour has begun
    second.works = True
    second.play(START_S + 60 + 3661, 61, connections=1)
    in_memory = second.ledger.rows(Length.HOUR)
    second.database.close()
    third = Bench(tmp_path / "i.db")
    asyncio.run(third.ledger.restore())
    assert third.ledger.rows(Length.HOUR) == in_memory
    assert len(in_memory) == 2
    assert in_memory[0].connections > 12
