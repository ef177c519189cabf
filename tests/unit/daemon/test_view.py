from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from egret.alerts.selection import EVERYTHING, Selection
from egret.daemon import view as module
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
from egret.web.status import Delivered, DeliveryState, IncidentPage, IncidentState
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


def listed(view: DaemonView, state: IncidentState, selection: Selection = EVERYTHING, limit: int = 9) -> IncidentPage:
    return asyncio.run(view.incidents(state, selection, limit=limit))


def test_open_incidents_come_from_memory_and_closed_ones_from_the_store(room: Room) -> None:
    view = view_of(room, {})
    room.incidents.feed(hello())
    room.incidents.feed(hello(1.0, client=bytes([192, 0, 2, 8])))
    page = listed(view, IncidentState.OPEN, limit=1)
    assert (page.total, [incident.client for incident in page.incidents]) == (2, ["192.0.2.8"])
    assert listed(view, IncidentState.OPEN, Selection(client="192.0.2.8")).total == 1
    assert listed(view, IncidentState.OPEN, Selection(words=("192.0.2.8",))).total == 1
    room.store.record(alerts=room.incidents.tick(START_NS + 7200 * 10**9))
    assert listed(view, IncidentState.OPEN).total == 0
    assert listed(view, IncidentState.ALL, Selection(client="192.0.2.99")).total == 0
    assert listed(view, IncidentState.CLOSED).total == 2
    assert [each.client for each in listed(view, IncidentState.ALL, Selection(words=("192.0.2.8",))).incidents] == [
        "192.0.2.8"
    ]


def test_a_list_that_takes_long_is_used_for_a_while(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of(room, {})
    room.incidents.feed(hello())
    monkeypatch.setattr(module, "_LONG_S", -1.0)
    monkeypatch.setattr(module, "_REST", 1e9)
    assert listed(view, IncidentState.OPEN).total == 1
    room.incidents.feed(hello(1.0, client=bytes([192, 0, 2, 8])))
    assert listed(view, IncidentState.OPEN).total == 1
    view._listed_until_s = 0.0
    assert listed(view, IncidentState.OPEN).total == 2


def test_the_story_of_an_incident_says_who_does_not_have_which_alert(room: Room) -> None:
    view = view_of(room, {})
    (alert,) = room.incidents.feed(hello())
    name = alert.incident.id
    open_now = asyncio.run(view.story(name))
    assert open_now is not None
    assert (open_now.incident.id, open_now.told) == (name, [])  # it is not on the disk yet
    room.store.record(alerts=[alert], sinks=["collector", "gone"])
    room.store.bury("gone", [alert.id], "HTTP 400")
    story = asyncio.run(view.story(name))
    assert story is not None
    [told] = story.told
    assert told.alert.id == alert.id
    assert told.deliveries == {
        "collector": Delivered(DeliveryState.WAITING),
        "gone": Delivered(DeliveryState.DEAD, "HTTP 400"),
    }
    room.store.acknowledge("collector", [alert.id])
    later = asyncio.run(view.story(name))
    assert later is not None
    assert later.told[0].deliveries["collector"] == Delivered(DeliveryState.DONE)
    assert asyncio.run(view.story("another")) is None


def test_a_sinks_last_trouble_is_shown_until_it_works_again(room: Room) -> None:
    view = view_of(room, {})
    room.watch("collector", Outcome.FAILED, [opened()], "busy")
    assert view.facts().sinks[0].last_error == "busy"
    room.watch("collector", Outcome.DELIVERED, [opened()], "")
    assert view.facts().sinks[0].last_error is None


def test_the_coverage_ledger_is_shown(room: Room) -> None:
    (minute,) = view_of(room, {"lan0": True}).coverage(Length.MINUTE)
    assert minute.part("link_silent_s") == {"lan0": 60}
