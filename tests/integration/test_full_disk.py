"""Alerts on a disk that is really full, or read-only: small tmpfs mounts, taken down afterwards."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from egret.alerts.codec import alert_to_dict
from egret.alerts.model import CloseReason, Incident
from egret.daemon import ledger
from egret.errors import SinkTemporary, StoreError
from egret.sinks.jsonl import JsonLinesOptions, JsonLinesSink
from egret.store.incidents import IncidentStore
from tests.support.alerts import START_NS, hello, opened
from tests.support.daemon import Room
from tests.support.patience import PATIENCE_S
from tests.support.stored import stored

pytestmark = pytest.mark.integration


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True, timeout=PATIENCE_S)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    mount("-t", "tmpfs", "-o", "size=512k", "egret-alerts-test", str(tmp_path))
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True, capture_output=True, timeout=PATIENCE_S)


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 20)) == 1 << 20:  # the last write is cut to what fits
            continue
    return ballast


def test_a_full_disk_stops_nothing_and_what_waited_is_written_when_there_is_room(disk: Path) -> None:
    with closing(IncidentStore(disk / "incidents.db")) as store:
        store.record(alerts=[opened(client=bytes([192, 0, 2, 0]))])
        ballast = fill(disk)
        more = [opened(client=bytes([192, 0, 2, number])) for number in range(1, 50)]
        with pytest.raises(StoreError, match="full"):
            store.record(alerts=more[:30])
        with pytest.raises(StoreError, match=r"full|No space"):
            store.record(alerts=more[30:])
        assert (store.errors, store.pending) == (2, 98)
        ballast.unlink()
        store.record()
        assert store.pending == 0
        assert len(stored(store)) == 50
        assert store.moved_aside == []


def test_a_read_only_disk_stops_nothing(disk: Path) -> None:
    with closing(IncidentStore(disk / "incidents.db")) as store:
        store.record(alerts=[opened()])
        store.close()
        mount("-o", "remount,ro", str(disk))
        with pytest.raises(StoreError, match="free space or fix the rights"):
            store.record(alerts=[opened(client=bytes([192, 0, 2, 99]))])
        mount("-o", "remount,rw", str(disk))
        store.record()
        assert len(stored(store)) == 2
        assert store.moved_aside == []


def test_what_was_open_is_continued_as_soon_as_a_store_that_was_read_only_at_the_start_can_be_read(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(ledger, "STORE_PATIENCE_S", PATIENCE_S)
    quiet, both = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
    with closing(IncidentStore(disk / "incidents.db")) as store:
        store.record(alerts=[opened(client=quiet), opened(client=both)])
    mount("-o", "remount,ro", str(disk))
    room = Room(disk / "incidents.db")

    async def run() -> None:
        assert await room.ledger.restore() == 0
        room.ledger._fold(hello(60, client=both))
        await room.ledger.flush()
        await room.ledger.tick(START_NS)
        assert len(room.incidents.open_incidents) == 1
        mount("-o", "remount,rw", str(disk))
        await room.ledger.tick(START_NS)
        await room.ledger.flush()
        await room.ledger.close()

    asyncio.run(run())
    assert {each.client for each in room.incidents.open_incidents} == {"192.0.2.1", "192.0.2.2"}
    with closing(IncidentStore(disk / "incidents.db")) as store:
        assert {each.id for each in store.open_incidents()} == {each.id for each in room.incidents.open_incidents}
        [merged] = stored(store, closed_only=True)
        assert merged.close_reason is CloseReason.MERGED


def test_a_large_store_is_waited_for_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "STORE_PATIENCE_S", 0.01)
    with closing(IncidentStore(tmp_path / "i.db")) as store:
        store.record(alerts=[opened()])
    room, read = Room(tmp_path / "i.db"), IncidentStore.open_incidents

    def slowly(store: IncidentStore) -> list[Incident]:
        time.sleep(0.1)  # as the check of a large file
        return read(store)

    monkeypatch.setattr(IncidentStore, "open_incidents", slowly)

    async def run() -> None:
        assert await room.ledger.restore() == 1
        await room.ledger.close()

    asyncio.run(run())


def test_a_full_disk_leaves_only_whole_lines_in_the_file(disk: Path) -> None:
    path = disk / "alerts.jsonl"
    sink = JsonLinesSink(
        JsonLinesOptions(
            path=path,
            line=lambda alert: json.dumps(alert_to_dict(alert), separators=(",", ":")),
            warning=str,
            summary=str,
        )
    )

    async def run() -> None:
        await sink.send([opened()])
        ballast = fill(disk)
        with pytest.raises(SinkTemporary, match=r"fit|No space left"):
            await sink.send([opened()] * 100)
        assert path.read_text().endswith("\n")
        ballast.unlink()
        await sink.send([opened()])
        await sink.close()

    asyncio.run(run())
    lines = path.read_text().splitlines()
    assert all(line.startswith('{"schema":"egret.alert/1"') and line.endswith("}") for line in lines)
