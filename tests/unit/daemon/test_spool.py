from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from egret.alerts.messages import Message
from egret.alerts.model import Alert
from egret.errors import SinkRejected, StoreError
from egret.store import outbox
from egret.store.incidents import IncidentStore
from tests.support.alerts import START_NS, opened
from tests.support.daemon import Room
from tests.support.patience import until

WAITING = 350  # more than three pages


def long_outage(path: Path) -> list[Alert]:
    """A store in which alerts wait; they."""
    store = IncidentStore(path)
    alerts = [opened(client=bytes([192, 0, 2 + number // 250, number % 250])) for number in range(WAITING)]
    store.record(alerts=alerts, sinks=["collector"])
    store.close()
    return alerts


def started(room: Room, during: Callable[[], Awaitable[object]]) -> None:
    async def play() -> None:
        room.outputs.start()
        task = asyncio.create_task(room.ledger.run())
        assert await room.ledger.resume() == WAITING
        await during()
        task.cancel()
        await room.close_outputs()
        await room.ledger.close()

    asyncio.run(play())


def test_what_a_long_outage_left_is_read_back_however_slow_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = long_outage(tmp_path / "i.db")
    read, pages = IncidentStore.waiting, list[int]()

    def noting(store: IncidentStore, sink: str, ids: Sequence[str]) -> list[Message]:
        pages.append(len(ids))
        return read(store, sink, ids)

    monkeypatch.setattr(IncidentStore, "waiting", noting)
    room = Room(tmp_path / "i.db")
    started(room, lambda: until(lambda: len(room.sink.alerts) == WAITING))
    assert [alert.id for alert in room.sink.alerts] == [alert.id for alert in alerts]
    assert outbox.counts(room.store.database) == {}
    assert max(pages) <= 100  # all at once might take longer than the disk has to answer


def test_what_is_new_waits_behind_what_was_not_read_yet(tmp_path: Path) -> None:
    long_outage(tmp_path / "i.db")
    room, new = Room(tmp_path / "i.db"), opened(client=bytes([192, 0, 2, 254]))

    async def during() -> None:
        room.ledger._queue([new])
        assert room.ledger._spool.unread == {"collector": WAITING}
        await until(lambda: len(room.sink.alerts) == WAITING + 1)

    started(room, during)
    assert room.sink.alerts[-1].id == new.id
    assert room.telemetry.value("egret_delivery_unread", "collector") == 0


def test_a_page_that_cannot_be_read_now_is_read_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long_outage(tmp_path / "i.db")
    room, read, calls = Room(tmp_path / "i.db"), IncidentStore.waiting, 0

    def once_broken(store: IncidentStore, sink: str, ids: Sequence[str]) -> list[Message]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StoreError("not now")
        return read(store, sink, ids)

    monkeypatch.setattr(IncidentStore, "waiting", once_broken)

    async def during() -> None:
        await until(lambda: room.ledger._spool._stuck)
        assert calls == 2
        assert room.ledger._spool.unread == {"collector": WAITING - 100}
        await room.ledger.tick(START_NS)
        assert room.telemetry.value("egret_delivery_unread", "collector") == WAITING - 100
        await until(lambda: len(room.sink.alerts) == WAITING)

    started(room, during)
    assert len({alert.id for alert in room.sink.alerts}) == WAITING == len(room.sink.alerts)


def test_outcomes_of_a_kind_are_noted_in_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = long_outage(tmp_path / "i.db")
    room, written = Room(tmp_path / "i.db"), []
    monkeypatch.setattr(IncidentStore, "bury", lambda _store, sink, ids, detail: written.append((sink, ids, detail)))
    room.sink.trouble = SinkRejected("no")
    started(room, lambda: until(lambda: sum(len(ids) for _, ids, _ in written) == WAITING))
    assert [alert_id for _, ids, _ in written for alert_id in ids] == [alert.id for alert in alerts]
    assert len(written) < WAITING / 2
    assert {(sink, detail) for sink, _, detail in written} == {("collector", "no")}


def test_a_disk_that_gives_no_page_holds_up_nothing_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long_outage(tmp_path / "i.db")
    room, new = Room(tmp_path / "i.db"), opened(client=bytes([192, 0, 2, 254]))

    def broken(*_: object) -> None:
        raise StoreError("not now")

    monkeypatch.setattr(IncidentStore, "waiting", broken)

    async def during() -> None:
        await until(lambda: room.ledger._spool._stuck)
        room.ledger._queue([new])
        await until(lambda: bool(room.sink.alerts))

    started(room, during)
    assert [alert.id for alert in room.sink.alerts] == [new.id]
    assert room.ledger._spool.unread == {"collector": WAITING}
