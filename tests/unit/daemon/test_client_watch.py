from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from egret.daemon import client_watch as module
from egret.daemon.client_watch import ClientWatch
from egret.errors import SourceError
from egret.judge.directory import ClientDirectory
from egret.model import Role
from egret.sources.neighbours import Neighbours
from egret.telemetry import Telemetry
from egret.worker.wire import Speakers
from tests.support.leases import LAPTOP, NOW, A, B, line, settings
from tests.support.patience import until


@pytest.fixture
def leases(tmp_path: Path) -> Path:
    path = tmp_path / "dnsmasq.leases"
    path.write_text(line())
    return path


def test_what_cannot_be_read_is_counted_and_logged_once(leases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry, directory = Telemetry("test"), ClientDirectory()
    watch = ClientWatch(settings(leases), directory, telemetry)
    told: list[str] = []
    telemetry.log.event = lambda _level, event, **fields: told.append(f"{event} {fields['why']}")  # type: ignore[method-assign]
    leases.unlink()

    async def play() -> None:
        await watch.begin()
        await watch.refresh()

    asyncio.run(play())
    assert telemetry.by_label("egret_client_sources_failing", "source")["leases"] == 1
    assert len(told) == 1
    assert str(leases) in told[0]
    leases.write_text(line())
    asyncio.run(watch.refresh())
    assert telemetry.by_label("egret_client_sources_failing", "source")["leases"] == 0
    assert directory.identify(A, NOW).name == "laptop"


def test_it_goes_on_looking_and_a_bug_of_ours_ends_nothing(leases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry, directory = Telemetry("test"), ClientDirectory()
    watch = ClientWatch(settings(leases, refresh=timedelta(seconds=1)), directory, telemetry)
    monkeypatch.setattr(watch, "_refresh_s", 0.01)
    monkeypatch.setattr(watch._reader, "read", lambda: 1 / 0)

    async def play() -> None:
        await watch.begin()
        task = asyncio.create_task(watch.run())
        await until(lambda: telemetry.total("egret_internal_errors_total") > 1)
        watch.apply(settings(leases))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await watch.refresh()

    asyncio.run(play())
    assert directory.identify(A, NOW).name == "laptop"


def test_a_disk_that_hangs_holds_nothing_up(leases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = ClientWatch(settings(leases), ClientDirectory(), Telemetry("test"))
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    read_end, write_end = os.pipe()
    monkeypatch.setattr(watch._reader, "read", lambda: os.read(read_end, 1))

    async def play() -> None:
        await watch.begin()
        os.write(write_end, b"x")
        assert watch._looking is not None
        watch._looking.cancel()
        await asyncio.gather(watch._looking, return_exceptions=True)

    asyncio.run(play())


def test_who_a_worker_saw_speak_for_others_is_marked(leases: Path) -> None:
    directory = ClientDirectory()
    ClientWatch(settings(leases), directory, Telemetry("test")).heard(Speakers(((A, Role.RESOLVER, NOW),)))
    assert directory.identify(A, NOW).role is Role.RESOLVER


def test_a_device_that_is_new_is_asked_for_at_once_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    table: dict[bytes, str] = {}

    def read() -> Neighbours:
        asked.append(1)
        if not table:
            raise SourceError("refused")
        return Neighbours(dict(table), frozenset())

    monkeypatch.setattr(module, "read_neighbours", read)
    watch = ClientWatch(settings(neighbours=True), ClientDirectory(), Telemetry("test"))
    assert watch.identify(A, NOW).key == "ip:192.0.2.7"
    table[A] = LAPTOP
    watch._credit_s = -1.0
    assert watch.identify(A, NOW).key == "ip:192.0.2.7"
    assert len(asked) == 1
    watch._credit_s = 0.1
    assert watch.identify(A, NOW).key == f"mac:{LAPTOP}"
    assert watch.addresses_of(LAPTOP, NOW) == {"192.0.2.7"}
    watch.identify(A, NOW)
    assert len(asked) == 2  # it is known
    without = ClientWatch(settings(neighbours=False), ClientDirectory(), Telemetry("test"))
    assert without.identify(B, NOW).key == "ip:192.0.2.8"
    assert len(asked) == 2


def test_what_is_not_named_any_more_is_forgotten_at_a_reload(leases: Path, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.8 printer\n")
    directory = ClientDirectory()
    watch = ClientWatch(settings(leases, hosts_file=hosts), directory, Telemetry("test"))
    asyncio.run(watch.refresh())
    assert (directory.identify(A, NOW).name, directory.identify(B, NOW).name) == ("laptop", "printer")
    watch.apply(settings())
    asyncio.run(watch.refresh())
    assert (directory.identify(A, NOW).name, directory.identify(B, NOW).name) == (None, None)
