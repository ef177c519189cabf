from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest

from egret.alerts.digest import Grant
from egret.alerts.model import Sensor
from egret.daemon.digests import Digester, compose
from egret.daemon.tally import Tally
from egret.errors import SinkTemporary, StoreError
from egret.judge.approvals import Approval, ApprovalState, Terms
from egret.settings.digest_section import DigestSettings
from egret.store.coverage import CoverageStore
from egret.store.digests import DigestStore
from egret.telemetry.coverage import LINK_DOWN, Interval
from egret.value import replace
from egret.worker.pipeline import Hit
from tests.support.alerts import START_NS as BEGAN_NS
from tests.support.alerts import opened, volume
from tests.support.daemon import Room
from tests.support.digest import DAY, MADE_NS, START_NS
from tests.support.patience import until
from tests.support.pipeline import CATALOG, seen
from tests.support.stored import unsent

DAY_NS = 24 * 3600 * 1_000_000_000
SENSOR = Sensor("1", "gw.example")
SETTINGS = DigestSettings(to=("collector", "elsewhere"))


class Desk:
    """A room with a digester in it."""

    def __init__(self, path: Path, settings: DigestSettings = SETTINGS) -> None:
        self.room = Room(path)
        self.tally = self.room.ledger.tally = Tally(self.room.telemetry)
        parts = (self.room.ledger, self.room.outputs, self.tally)
        database = self.room.store.database
        self.digester = Digester(database, parts, SENSOR, settings, self.room.telemetry)
        self.store = DigestStore(database)

    def run(self, *moments: int, first: bool = True) -> list[str]:
        """Step at each moment, then end in good order; the days that the output got."""

        async def play() -> None:
            if first:
                await self.digester.step(MADE_NS - DAY_NS)  # a first start, the day before
            self.room.outputs.start()
            await self.room.ledger.resume()
            ledger = asyncio.create_task(self.room.ledger.run())
            for now_ns in moments:
                await self.digester.step(now_ns)
            await until(lambda: not (self.room.delivery.queue_length or self.room.ledger._spool.unread["collector"]))
            ledger.cancel()
            await self.room.close_outputs()
            await self.room.ledger.close()

        asyncio.run(play())
        return [each.day.isoformat() for each in self.room.sink.digests]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "i.db"


def test_a_first_start_tells_nothing_of_the_days_before_and_then_each_day_once(path: Path) -> None:
    desk = Desk(path)
    moments = [MADE_NS - 1, MADE_NS, MADE_NS + 10, MADE_NS + DAY_NS - 1, MADE_NS + DAY_NS]
    assert desk.run(*moments) == ["2026-01-01", "2026-01-02"]
    assert Desk(path).run(MADE_NS + DAY_NS, MADE_NS + DAY_NS + 10, first=False) == []


def test_clock_steps_make_no_second_one(path: Path) -> None:
    there = [MADE_NS, MADE_NS - 3 * DAY_NS, MADE_NS, MADE_NS + 1]
    assert Desk(path).run(*there) == ["2026-01-01"]
    ahead = Desk(path).run(MADE_NS + 1000 * DAY_NS, MADE_NS + DAY_NS, first=False)
    assert len(ahead) == 2  # one day of that future, none between
    assert ahead[1] == "2026-01-02"


def test_days_without_egret_are_made_up_for_and_say_so(path: Path) -> None:
    assert Desk(path).run(MADE_NS) == ["2026-01-01"]
    desk = Desk(path)
    assert desk.run(MADE_NS + 3 * DAY_NS, first=False) == ["2026-01-02", "2026-01-03", "2026-01-04"]
    assert all(each.is_blind and not each.is_quiet for each in desk.room.sink.digests)
    assert Desk(path).run(MADE_NS + 40 * DAY_NS, first=False) == ["2026-02-10"]


def test_what_was_committed_and_not_delivered_comes_after_a_restart_with_the_same_id(path: Path) -> None:
    killed = Desk(path)
    killed.room.sink.trouble = SinkTemporary("away")

    async def cut_short() -> None:
        await killed.digester.step(MADE_NS - DAY_NS)
        killed.room.outputs.start()
        await killed.digester.step(MADE_NS)

    asyncio.run(cut_short())
    [waiting] = unsent(killed.room.store, "collector")
    assert unsent(killed.room.store, "elsewhere") == []  # there is no such output
    desk = Desk(path)
    assert desk.run(MADE_NS + 1, first=False) == ["2026-01-01"]
    assert desk.room.sink.digests == [waiting]
    assert Desk(path).run(MADE_NS + 2, first=False) == []


def test_a_quiet_day_may_be_left_out(path: Path) -> None:
    hours = CoverageStore(Room(path).store.database)
    for number in range(24):
        hours.record(Interval(start_s=START_NS // 1_000_000_000 + number * 3600, seconds=3600, counts={}), 0)
    assert Desk(path, SETTINGS.model_copy(update={"quiet_days": False})).run(MADE_NS, MADE_NS + 1) == []
    assert Desk(path).run(MADE_NS + 2, first=False) == []  # it is done
    assert compose(hours._database, DAY, "UTC", SENSOR, MADE_NS).is_quiet


def test_a_disk_that_fails_delays_it_and_loses_no_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(path)

    def full(*_: object) -> bool:
        raise StoreError("full")

    async def play() -> None:
        await desk.digester.step(MADE_NS - DAY_NS)
        desk.tally.volume(volume())
        with monkeypatch.context() as broken:
            broken.setattr(DigestStore, "add", full)
            with pytest.raises(StoreError):
                await desk.digester.step(MADE_NS)
            await desk.digester.close(MADE_NS)
        with monkeypatch.context() as broken:
            broken.setattr(DigestStore, "record", full)
            with pytest.raises(StoreError):
                await desk.digester.step(MADE_NS)

    asyncio.run(play())
    assert desk.run(MADE_NS + 5, first=False) == ["2026-01-01"]
    [digest] = desk.room.sink.digests
    assert [(row.signature, row.bytes_out) for row in digest.moved] == [("example.chat", volume().bytes_out)]


def test_what_is_in_it_comes_from_the_whole_path(path: Path) -> None:
    desk = Desk(path)
    terms = Terms(state=ApprovalState.APPROVED, owner="it", ticket="T-1")
    allowed = Approval(terms=terms, number=1, service="example.chat", clients=("192.0.2.7",))
    desk.room.incidents.apply(replace(desk.room.incidents._policy, approvals=(allowed,)))
    match = CATALOG.match_name("chat.example")
    assert match is not None
    desk.room.ledger.hit(Hit(seen("chat.example"), match))
    desk.room.ledger.volume(volume(sent=70, received=30))
    desk.room.store.record(alerts=[opened(client=bytes([192, 0, 2, 8]))])
    row = {"named_by": {"hello": 9, "nothing": 1}, "dropped": {"ring": 2}, LINK_DOWN: {"lan0": 5}}
    CoverageStore(desk.room.store.database).record(
        Interval(start_s=BEGAN_NS // 10**9 // 3600 * 3600, seconds=60, counts=row), 0
    )
    assert desk.run(MADE_NS) == ["2026-01-01"]
    [digest] = desk.room.sink.digests
    grant = Grant(ApprovalState.APPROVED, match.signature.id, (), "it", "T-1")
    assert [use.grant for use in digest.uses] == [grant]
    assert digest.uses[0].detections == 1
    assert [use.client for use in digest.first_uses] == ["192.0.2.8"]
    assert digest.opened == {"high": 1}
    sight = digest.sight
    assert (sight.watched_s, sight.connections, sight.named_share, sight.lost) == (60, 10, 0.9, 2)
    assert sight.link_down_s == {"lan0": 5}


def test_nobody_to_tell_means_no_digest_and_counts_all_the_same(path: Path) -> None:
    desk = Desk(path, DigestSettings())
    desk.tally.volume(volume())
    assert desk.run(MADE_NS) == []
    assert not desk.store.is_made(date(2026, 1, 1))
    assert desk.store.counts(START_NS, START_NS + DAY_NS)


def test_it_runs_on_whatever_happens(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, steps = Desk(path), list[int]()
    troubles: list[Exception] = [StoreError("full"), ZeroDivisionError()]

    async def step(now_ns: int) -> None:
        steps.append(now_ns)
        if troubles:
            raise troubles.pop(0)

    monkeypatch.setattr("egret.daemon.digests.SAVE_EVERY_S", 0.001)
    monkeypatch.setattr(desk.digester, "step", step)

    async def play() -> None:
        task = asyncio.create_task(desk.digester.run())
        await until(lambda: len(steps) > 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())
    assert desk.room.telemetry.total("egret_internal_errors_total") == 1
