from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from egret.alerts.routing import Hours, Route
from egret.daemon.routed import follow, record
from egret.errors import StoreError
from egret.store.incidents import IncidentStore
from egret.worker.pipeline import Hit
from tests.support.alerts import START_NS, whole_life
from tests.support.daemon import Room
from tests.support.patience import until
from tests.support.pipeline import CATALOG, seen
from tests.support.stored import unsent

OPENED, ESCALATED, _, CLOSED = whole_life()


def test_alerts_have_places_where_they_are_for_and_keep_their_order(tmp_path: Path) -> None:
    store = IncidentStore(tmp_path / "i.db")
    record(store, [(OPENED, ("a", "b")), (ESCALATED, ("a",)), (CLOSED, ("a", "b"))])
    assert unsent(store, "a") == [OPENED, ESCALATED, CLOSED]
    assert unsent(store, "b") == [OPENED, CLOSED]


def test_what_the_disk_does_not_take_waits_whole(tmp_path: Path) -> None:
    store = IncidentStore(tmp_path / "i.db")
    store.database.path.mkdir()
    with pytest.raises(StoreError):
        record(store, [(OPENED, ("a",)), (CLOSED, ("b",))])
    store.database.path.rmdir()
    store.record()
    assert (unsent(store, "a"), unsent(store, "b")) == ([OPENED], [CLOSED])


def test_without_routes_nothing_is_read(tmp_path: Path) -> None:
    room = Room(tmp_path / "none" / "i.db")
    follow(room.store, room.outputs, [OPENED.incident])
    assert not (tmp_path / "none").exists()


def test_an_output_hears_the_end_of_what_it_heard_of_after_a_restart_and_out_of_hours(tmp_path: Path) -> None:
    then = Hours(frozenset(range(7)), 0, 60)  # it begins at midnight and ends half an hour after its last packet
    match = CATALOG.match_name("chat.example")
    assert match is not None

    def room() -> Room:
        made = Room(tmp_path / "i.db")
        made.delivery.options = replace(made.delivery.options, routes=(Route(hours=(then,)),))
        return made

    async def play(room: Room, now_s: int) -> None:
        room.outputs.start()
        await room.ledger.restore()
        if now_s < 3600:
            room.ledger.hit(Hit(seen("chat.example", at_s=now_s), match))
        await room.ledger.tick(START_NS + now_s * 1_000_000_000)
        await room.ledger.flush()
        await until(lambda: len(room.sink.alerts) == 1)
        await room.close_outputs()
        await room.ledger.close()

    first, second = room(), room()
    asyncio.run(play(first, 1800))
    asyncio.run(play(second, 7200))
    assert [alert.action for alert in (*first.sink.alerts, *second.sink.alerts)] == ["opened", "closed"]
    assert unsent(second.store, "collector") == []
