from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from egret.alerts.incidents import IncidentPolicy
from egret.alerts.model import Alert, Sensor
from egret.alerts.veil import CLEAR
from egret.daemon import evidence
from egret.daemon.evidence import EvidenceKeeper
from egret.daemon.setup import Knowledge, load_knowledge
from egret.evidence import Raw
from egret.settings.config import Config
from egret.settings.evidence_section import EvidenceSettings
from egret.value import replace
from egret.worker.pipeline import Hit
from egret.worker.proving import Prover
from tests.support.daemon import Room
from tests.support.hello import client_hello
from tests.support.patience import PATIENCE_S
from tests.support.pipeline import CATALOG, seen
from tests.support.stored import unsent


@pytest.fixture
def knowledge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Knowledge:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return load_knowledge(Config(evidence=EvidenceSettings(per_incident=2)))


def proven(name: str = "www.chat.example") -> Hit:
    match = CATALOG.match_name(name)
    assert match is not None
    hit = Hit(replace(seen(name), raw=Raw(client_hello(name.encode()))), match)
    return Prover(lambda _client, _address: None)(hit)


def play(
    knowledge: Knowledge, tmp_path: Path, what: Callable[[Room, EvidenceKeeper], Coroutine[Any, Any, None]]
) -> Room:
    room = Room(tmp_path / "i.db", IncidentPolicy(evidence=str(knowledge.config.paths.evidence)))

    async def scenario() -> None:
        keeper = EvidenceKeeper(knowledge, Sensor("1", "gw"), CLEAR, room.telemetry)
        room.ledger._evidence = keeper
        try:
            await what(room, keeper)
        finally:
            await keeper.close()
            await asyncio.sleep(0)
            await room.ledger.close()

    asyncio.run(scenario())
    return room


def number(room: Room, outcome: str) -> float:
    name = f'egret_evidence_total{{outcome="{outcome}"}} '
    text = room.telemetry.exposition().decode()
    return next(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


def test_the_alert_names_files_that_are_there(knowledge: Knowledge, tmp_path: Path) -> None:
    async def what(room: Room, keeper: EvidenceKeeper) -> None:
        for name in ("www.chat.example", "a.chat.example", "b.chat.example"):
            room.ledger.hit(proven(name))
        await keeper.tick(0)
        [incident] = room.incidents.open_incidents
        kept = keeper.read(incident.id)
        assert kept is not None
        assert kept.record["left_out"] == 1
        assert all(map(os.path.getsize, incident.evidence_files))
        assert await keeper.forget([incident.id]) == 1
        assert keeper.read(incident.id) is None

    room = play(knowledge, tmp_path, what)
    assert (number(room, "kept"), number(room, "left_out")) == (2, 1)


def named_files(room: Room) -> list[tuple[str, ...]]:
    waiting = unsent(room.store, "collector")
    return [alert.incident.evidence_files for alert in waiting if isinstance(alert, Alert)]


def test_an_alert_is_offered_when_its_files_are_there(knowledge: Knowledge, tmp_path: Path) -> None:
    async def what(room: Room, _keeper: EvidenceKeeper) -> None:
        room.ledger.hit(proven())
        await room.ledger.flush()
        [files] = named_files(room)
        assert all(map(os.path.getsize, files))
        assert len(files) == 2

    play(knowledge, tmp_path, what)


def test_an_alert_names_no_file_that_could_not_be_written(knowledge: Knowledge, tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("no folder")

    async def what(room: Room, _keeper: EvidenceKeeper) -> None:
        room.ledger.hit(proven())
        await room.ledger.flush()
        assert named_files(room) == [()]

    play(knowledge, tmp_path, what)


def test_a_disk_that_hangs_holds_one_alert_up_for_a_moment_and_the_next_not_at_all(
    knowledge: Knowledge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "PATIENCE_S", 0.05)
    release = threading.Event()

    async def what(room: Room, keeper: EvidenceKeeper) -> None:
        keeper._disk.submit(release.wait, PATIENCE_S)
        room.ledger.hit(proven())
        await room.ledger.flush()
        assert await keeper.there(["x"]) == set()
        assert named_files(room) == [()]
        release.set()
        await keeper.forget([])
        monkeypatch.setattr(evidence, "PATIENCE_S", PATIENCE_S)
        [incident] = room.incidents.open_incidents
        assert await keeper.there([incident.id]) == {incident.id}

    play(knowledge, tmp_path, what)


def test_a_stop_while_evidence_is_waited_for_loses_no_alert(knowledge: Knowledge, tmp_path: Path) -> None:
    release = threading.Event()

    async def what(room: Room, keeper: EvidenceKeeper) -> None:
        keeper._disk.submit(release.wait, PATIENCE_S)
        room.ledger.hit(proven())
        task = asyncio.create_task(room.ledger.run())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        release.set()
        await room.ledger.flush()
        assert len(named_files(room)) == 1

    play(knowledge, tmp_path, what)


def test_what_a_disk_does_not_take_is_counted(
    knowledge: Knowledge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evidence").write_text("no folder")

    async def what(room: Room, _keeper: EvidenceKeeper) -> None:
        room.ledger.hit(proven())
        monkeypatch.setattr(evidence, "MAX_PENDING", 0)
        room.ledger.hit(proven("a.chat.example"))

    room = play(knowledge, tmp_path, what)
    assert (number(room, "failed"), number(room, "dropped")) == (1, 1)
    assert len(room.incidents.open_incidents) == 1


def test_what_has_no_proof_or_is_not_wanted_is_not_kept(knowledge: Knowledge, tmp_path: Path) -> None:
    async def what(room: Room, keeper: EvidenceKeeper) -> None:
        room.ledger.hit(proven()._replace(proof=None))
        assert room.incidents.open_incidents[0].evidence_files == ()
        room.incidents.apply(IncidentPolicy())
        room.ledger.hit(proven("a.chat.example"))
        await keeper.forget([])

    play(knowledge, tmp_path, what)
    assert not (tmp_path / "evidence").exists()
