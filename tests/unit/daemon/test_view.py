from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from egret.daemon.coverage import CoverageLedger
from egret.daemon.crew import Crew
from egret.daemon.setup import load_knowledge
from egret.daemon.view import DaemonView
from egret.settings.config import Config
from egret.sinks.base import Outcome
from egret.sources.opener import Opener
from egret.sources.opener_plan import Plan
from egret.sources.placement import Placement
from egret.store.coverage import CoverageStore
from egret.telemetry.coverage import Length
from egret.web.status import IncidentState
from tests.support.alerts import START_NS, hello, opened
from tests.support.daemon import Room


def view_of(room: Room, links: dict[str, bool]) -> DaemonView:
    async def make() -> DaemonView:
        client = Opener.start(lambda _index, _link: None, Plan(interfaces={}, backend="portable"))
        crew = Crew(client, 1, room.catalog, lambda _hit: None, room.telemetry)
        crew.links = links
        placement = Placement(("lan0",), ("lan0: as asked",), ("192.0.2.0/24",))
        parts = (room.incidents, room.store, crew, [room.delivery], room.watch)
        hours = CoverageStore(room.store.database)
        ledger = CoverageLedger(room.telemetry, ("lan0",), lambda: links, hours, room.ledger.on_disk)
        await ledger.tick(START_NS)
        await ledger.tick(START_NS + 60 * 10**9)
        view = DaemonView(room.telemetry, load_knowledge(Config()), placement, ["192.0.2.0/24"], parts, ledger)
        await asyncio.to_thread(client.close)
        return view

    return asyncio.run(make())


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "i.db")


def test_says_what_is_watched_with_which_knowledge_and_why(room: Room) -> None:
    facts = view_of(room, {"lan0": True}).facts()
    assert facts.why_here == "lan0: as asked"
    assert [(link.interface, link.up) for link in facts.links] == [("lan0", True)]
    assert facts.catalog_signatures > 100
    assert "DB-IP" in facts.databases[0].attribution
    assert [sink.name for sink in facts.sinks] == ["collector"]


def test_is_not_ready_without_a_link_or_a_worker(room: Room) -> None:
    assert view_of(room, {}).facts().readiness.reasons == ("lan0 is down", "no capture process runs")


def test_open_incidents_come_from_memory_and_closed_ones_from_the_store(room: Room) -> None:
    view = view_of(room, {})
    room.incidents.feed(hello())
    room.incidents.feed(hello(1.0, client=bytes([192, 0, 2, 8])))
    page = view.incidents(IncidentState.OPEN, limit=1, offset=0)
    assert (page.total, [incident.client for incident in page.incidents]) == (2, ["192.0.2.8"])
    assert view.incidents(IncidentState.OPEN, limit=9, offset=0, client="192.0.2.8").total == 1
    room.store.record(alerts=room.incidents.tick(START_NS + 7200 * 10**9))
    assert view.incidents(IncidentState.OPEN, limit=9, offset=0).total == 0
    assert view.incidents(IncidentState.ALL, limit=9, offset=0, client="192.0.2.99").total == 0
    assert view.incidents(IncidentState.CLOSED, limit=9, offset=0).total == 2
    assert len(view.incidents(IncidentState.ALL, limit=1, offset=1).incidents) == 1


def test_a_sinks_last_trouble_is_shown_until_it_works_again(room: Room) -> None:
    view = view_of(room, {})
    room.watch("collector", Outcome.FAILED, [opened()], "busy")
    assert view.facts().sinks[0].last_error == "busy"
    room.watch("collector", Outcome.DELIVERED, [opened()], "")
    assert view.facts().sinks[0].last_error is None


def test_the_coverage_ledger_is_shown(room: Room) -> None:
    (minute,) = view_of(room, {"lan0": True}).coverage(Length.MINUTE)
    assert minute.part("link_silent_s") == {"lan0": 60}
