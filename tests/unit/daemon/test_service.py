from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from egret.catalog.match import Catalog
from egret.daemon.service import Post, Service
from egret.daemon.setup import load_knowledge
from egret.errors import ConfigError
from egret.settings.config import load_config
from egret.sources.opener import Opener
from egret.sources.opener_plan import Plan, WorkerLink
from egret.sources.placement import Placement
from egret.worker.equipment import unseal
from egret.worker.pipeline import Hit
from egret.worker.wire import encode_hit, encode_report
from tests.support.alerts import START_NS
from tests.support.patience import PATIENCE_S, until, wait_until
from tests.support.pipeline import seen

pytestmark = pytest.mark.slow  # real processes and a real listener

PORT = "EGRET_TEST_PORT"


def worker(_index: int, link: WorkerLink) -> None:
    """Says one visit of a flagged service, as a real worker would, and takes what it is handed."""
    from egret.settings.catalogue import load_catalog

    match = load_catalog().match_name("chat.qwen.ai")
    assert match is not None
    link.pipe.send(encode_hit(Hit(seen("chat.qwen.ai", at_s=time.time() - START_NS / 1e9), match)))
    row = {"interface": "lan0", "up": True, "received": 1, "dropped": 0}
    link.pipe.send(encode_report({}, {}, [row], 1))
    while link.pipe.wait(10 * PATIENCE_S):
        received = link.pipe.receive(descriptors=1)
        if received is not None and received.descriptors:
            made = unseal(received.descriptors[0])
            link.pipe.send({"equipped": made.generation})
            match = Catalog(made.signatures, made.version).match_name("www.deepseek.com")
            assert match is not None
            link.pipe.send(encode_hit(Hit(seen("www.deepseek.com", at_s=time.time() - START_NS / 1e9), match)))


@pytest.fixture(autouse=True)
def _port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A free port for each test: two trees may be tested at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv(PORT, str(listener.getsockname()[1]))


def listen() -> str:
    return f"127.0.0.1:{os.environ[PORT]}"


def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    config = tmp_path / "egret.yaml"
    config.write_text(
        f"outputs: {{terminal: {{enabled: false}}, file: {{path: {tmp_path}/alerts.jsonl}}}}\nhttp: {{listen: '{listen()}'}}\n"
        "alerts: {suppress: [{service: no-such-thing}]}\n"
    )
    knowledge = load_knowledge(load_config(config))
    opener = Opener.start(worker, Plan(interfaces={}, backend="portable"))
    return Post(
        knowledge,
        Placement(("lan0",), ("lan0: as asked",), ()),
        ("192.0.2.0/24",),
        [["lan0"]],
        opener,
        lambda: load_config(config),
    )


def get(path: str) -> Any:
    with urllib.request.urlopen(f"http://{listen()}{path}", timeout=PATIENCE_S) as answer:
        return answer.read()


def detections(file: Path) -> list[dict[str, Any]]:
    """The alerts of ``file`` about traffic: what the sensor says of itself may come between them at any time."""
    lines = file.read_text().rpartition("\n")[0].splitlines() if file.exists() else []
    return [alert for alert in map(json.loads, lines) if alert["event"]["dataset"] != "egret.sensor"]


async def metrics_with(line: str) -> str:
    said: list[str] = []

    def there() -> bool:
        said.append(get("/metrics").decode())
        return line in said[-1]

    await asyncio.to_thread(wait_until, there, line)
    return said[-1]


async def readiness() -> Any:
    """What /readyz says once it says yes: an alert may come before the first word of the capture."""
    said: list[Any] = []

    def ready() -> bool:
        with suppress(urllib.error.URLError):  # no yet, or nobody there yet
            said.append(json.loads(get("/readyz")))
        return bool(said)

    await asyncio.to_thread(wait_until, ready, "ready")
    return said[0]


def play(standing: Post, during: Callable[[], Awaitable[None]]) -> list[str]:
    said: list[str] = []

    async def scene() -> None:
        task = asyncio.create_task(Service(standing, said.append).run())
        try:
            await during()
        finally:
            if not task.done():  # its handler is gone with it, and the signal would end pytest
                os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(task, PATIENCE_S)

    asyncio.run(scene())
    return said


def test_a_hit_reaches_the_file_the_page_and_the_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alerts = tmp_path / "alerts.jsonl"

    async def during() -> None:
        await until(lambda: detections(alerts))
        assert (await readiness())["ready"] is True
        assert b"Qwen Chat" in await asyncio.to_thread(get, "/")
        metrics = (await asyncio.to_thread(get, "/metrics")).decode()
        assert 'egret_incidents_opened_total{severity="high"} 1.0' in metrics

    play(post(tmp_path, monkeypatch), during)
    assert [found["rule"]["id"] for found in detections(alerts)] == ["alibaba.qwen-chat"]
    assert "name_matches_nothing" in caplog.text


@pytest.mark.parametrize(("workers", "together"), [(1, False), (2, True)])
def test_several_workers_are_watched_together_for_who_speaks_for_others(
    workers: int, together: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = replace(post(tmp_path, monkeypatch), shares=[[f"lan{number}"] for number in range(workers)])

    async def scene() -> None:
        assert (Service(standing, lambda _: None)._ledger.relays is not None) is together

    asyncio.run(scene())
    standing.opener.close()


def test_incidents_continue_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = tmp_path / "alerts.jsonl"

    async def during() -> None:
        await until(lambda: detections(alerts))
        await readiness()

    [page] = play(post(tmp_path, monkeypatch), during)
    assert page.startswith("status page http://127.0.0.1:")
    assert play(post(tmp_path, monkeypatch), during)[1:] == ["1 open incident from before"]


def test_a_taken_port_is_said_and_nothing_is_left_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing, said = post(tmp_path, monkeypatch), list[str]()

    async def scene() -> None:
        await Service(standing, said.append).run()

    with socket.create_server(("127.0.0.1", int(os.environ[PORT]))), pytest.raises(ConfigError, match=os.environ[PORT]):
        asyncio.run(scene())
    assert said == []  # no address before it is had
    with pytest.raises(ProcessLookupError):
        os.kill(standing.opener.pid, 0)


def test_a_reload_changes_settings_and_outputs_and_loses_no_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts, moved, config = tmp_path / "alerts.jsonl", tmp_path / "moved.jsonl", tmp_path / "egret.yaml"
    standing = post(tmp_path, monkeypatch)

    async def during() -> None:
        await until(lambda: detections(alerts))
        config.write_text(
            f"outputs: {{terminal: {{enabled: false}}, file: {{path: {moved}}}}}\nhttp: {{listen: '{listen()}'}}\n"
            "severities: {ai: critical}\n"
        )
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: detections(moved))
        metrics = await metrics_with('egret_reloads_total{outcome="applied",trigger="signal"} 1.0')
        assert 'egret_incidents_opened_total{severity="critical"} 1.0' in metrics
        config.write_text("severities: {ai: enormous}\n")
        os.kill(os.getpid(), signal.SIGHUP)
        metrics = await metrics_with("egret_config_last_reload_successful 0.0")
        assert "egret_worker_restarts_total 0.0" in metrics

    play(standing, during)
    [before], [after] = detections(alerts), detections(moved)
    assert after["event"]["severity"] > before["event"]["severity"]
