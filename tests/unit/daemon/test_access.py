from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from egret.alerts.veil import CLEAR, Veil
from egret.daemon import access
from egret.daemon.access import AccessWatch
from egret.settings.config import load_config
from egret.store.access import AccessLog, Purpose
from egret.store.database import Database
from egret.telemetry import Telemetry


async def at_once(work: Callable[[], object]) -> object:
    return work()


def watch(path: Path, veil: Veil = CLEAR) -> tuple[AccessWatch, AccessLog]:
    log = AccessLog(Database(path / "i.db"))
    return AccessWatch(log, at_once, Telemetry("test"), veil), log


def test_a_page_that_refreshes_itself_is_written_down_once_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr("egret.daemon.access.time.monotonic", lambda: now_s[0])
    watched, log = watch(tmp_path)

    async def play() -> None:
        for _ in range(20):
            watched.looked("http 127.0.0.1", Purpose.PAGE)
            now_s[0] += 10
        watched.looked("http 127.0.0.1", Purpose.API)
        await watched.close()

    asyncio.run(play())
    assert sorted((look.what, look.times) for look in log.looks()) == [("api", 1), ("page", 4)]


def test_a_client_is_written_down_under_its_pseudonym(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRET_TEST_KEY", "0123456789abcdef0123456789abcdef")
    (tmp_path / "e.yaml").write_text("privacy: {pseudonyms: true, key: 'env:EGRET_TEST_KEY'}\n")
    veil = load_config(tmp_path / "e.yaml").privacy.veil()
    watched, log = watch(tmp_path, veil)

    async def play() -> None:
        watched.looked("http 127.0.0.1", Purpose.API, "192.0.2.17")
        watched.looked("http 127.0.0.1", Purpose.API, veil.address("192.0.2.17"))
        watched.looked("http 127.0.0.1", Purpose.API)
        await watched.close()

    asyncio.run(play())
    assert sorted((look.client, look.times) for look in log.looks()) == [("*", 1), (veil.address("192.0.2.17"), 1)]


def test_many_lookers_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MAX_LOOKERS", 3)
    watched, log = watch(tmp_path)

    async def play() -> None:
        for number in range(7):
            watched.looked(f"http 192.0.2.{number}", Purpose.PAGE)
        await watched.close()
        await watched.close()

    asyncio.run(play())
    assert len(watched._noted_s) <= 3
    assert len(log.looks()) == 7
