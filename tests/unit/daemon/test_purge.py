from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import cast

import pytest

from egret.alerts.veil import CLEAR
from egret.daemon.crew import Crew
from egret.daemon.evidence import EvidenceKeeper
from egret.daemon.purge import Purger
from egret.errors import SinkTemporary, StoreError
from egret.judge.directory import ClientDirectory
from egret.store.access import PURGED, AccessLog, Purpose
from egret.store.incidents import IncidentStore
from egret.store.uses import uses
from egret.track.answers import Learnt
from egret.worker.pipeline import Hit
from tests.support.alerts import hello, opened
from tests.support.daemon import Room
from tests.support.patience import until
from tests.support.pipeline import CATALOG, seen
from tests.support.stored import stored, unsent


class Learner:
    """The part of a crew that knows clients."""

    def __init__(self, *learnt: Learnt) -> None:
        self.learnt = list(learnt)

    def forget(self, is_theirs: object) -> int:
        before = len(self.learnt)
        self.learnt = [each for each in self.learnt if not is_theirs(each.client)]  # type: ignore[operator]
        return before - len(self.learnt)


def hit() -> Hit:
    match = CATALOG.match_name("chat.example")
    assert match is not None
    return Hit(seen("chat.example"), match)


def purger(room: Room, crew: Learner) -> Purger:
    parts = (room.incidents, room.ledger, room.outputs, cast("Crew", crew), room.store)
    return Purger(parts, ClientDirectory(), CLEAR, room.telemetry)


def test_a_client_is_forgotten_everywhere_and_no_alert_is_sent(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")
    room.sink.trouble = SinkTemporary("down")
    client = hit().event.client
    crew = Learner(
        Learnt(client.ip, bytes(4), "chat.example", 2**62), Learnt(bytes(4), bytes(4), "chat.example", 2**62)
    )

    async def play() -> dict[str, int]:
        room.outputs.start()
        task = asyncio.create_task(room.ledger.run())
        room.ledger.hit(hit())
        await until(lambda: room.outputs.queue_lengths == {"collector": 1})
        assert len(room.incidents.open_incidents) == 1
        removed = await purger(room, crew)(room.incidents.open_incidents[0].client, "user root (uid 0)")
        room.sink.trouble = None
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await room.close_outputs()
        await room.ledger.close()
        return removed

    removed = asyncio.run(play())
    assert removed == {
        "incidents": 1,
        "alerts": 1,
        "learnt": 0,
        "digests": 0,
        "looks": 0,
        "evidence": 0,
        "open_incidents": 1,
        "queued_alerts": 1,
        "learnt_in_memory": 1,
    }
    assert room.said() == []
    assert room.incidents.open_incidents == []
    assert len(crew.learnt) == 1
    again = IncidentStore(tmp_path / "i.db")
    assert (len(stored(again)), unsent(again, "collector")) == (0, [])
    [look] = AccessLog(again.database).looks()
    assert (look.who, look.what, look.client) == ("user root (uid 0)", Purpose.PURGE, PURGED)
    again.close()


def test_that_a_client_ever_used_a_service_is_forgotten_and_that_others_did_is_not(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")
    theirs, others = opened(), opened(client=bytes([192, 0, 2, 8]))
    room.store.record(alerts=[theirs, others])
    room.incidents.recall(uses(room.store.database))

    async def play() -> None:
        await purger(room, Learner())(theirs.incident.client, "user root (uid 0)")
        await room.ledger.close()

    asyncio.run(play())
    [again] = room.incidents.feed(hello(60))
    part = next(part for part in again.incident.score_parts if part.name == "first seen")
    assert part.why == "new for this client, known in this network"


def test_an_alert_that_waits_for_its_commit_is_dropped(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")

    async def play() -> dict[str, int]:
        room.ledger.hit(hit())  # nobody commits yet
        removed = await purger(room, Learner())("0.0.0.0/0", "somebody")
        await room.ledger.flush()
        await room.close_outputs()
        await room.ledger.close()
        return removed

    removed = asyncio.run(play())
    assert (removed["queued_alerts"], removed["open_incidents"], removed["incidents"]) == (1, 1, 0)
    assert room.said() == []


def test_a_store_that_fails_is_said_and_the_memory_is_clear(tmp_path: Path) -> None:
    room = Room(tmp_path / "i.db")
    (tmp_path / "i.db").mkdir()

    async def play() -> None:
        room.ledger.hit(hit())
        with pytest.raises(StoreError):
            await purger(room, Learner())("0.0.0.0/0", "somebody")

    asyncio.run(play())
    assert room.incidents.open_incidents == []


class Shredder:
    """The part of the evidence that forgets."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    async def forget(self, incidents: Collection[str]) -> int:
        self.asked |= set(incidents)
        return len(incidents)


def test_the_evidence_of_open_and_stored_incidents_goes_too(tmp_path: Path) -> None:
    room, shredder = Room(tmp_path / "i.db"), Shredder()
    stored = opened(client=bytes([192, 0, 2, 7])).incident

    async def play() -> dict[str, int]:
        room.store.record([stored])
        room.ledger.hit(hit())
        live.append(room.incidents.open_incidents[0].id)
        parts = (room.incidents, room.ledger, room.outputs, cast("Crew", Learner()), room.store)
        evidence = cast("EvidenceKeeper", shredder)
        removed = await Purger(parts, ClientDirectory(), CLEAR, room.telemetry, evidence)("192.0.2.7", "user root")
        await room.ledger.close()
        return removed

    live: list[str] = []
    removed = asyncio.run(play())
    assert shredder.asked == {stored.id, *live}
    assert removed["evidence"] == len(shredder.asked)
