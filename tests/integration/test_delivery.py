"""Nothing lost: a daemon's path from hits to receivers, killed again and again; and a real Alertmanager."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from egret.alerts.model import Alert, CloseReason, Sensor
from egret.sinks.alertmanager import AlertmanagerOptions, AlertmanagerSink
from egret.store.database import Database
from egret.store.outbox import Choice, State, counts, find
from egret.value import replace
from tests.support.alerts import opened
from tests.support.patience import PATIENCE_S, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KILLS = 8
LOAD = """
import asyncio, sys
from pathlib import Path
from egret.alerts.codec import alert_to_dict
from egret.sinks.base import Delivery, DeliveryOptions
from egret.sinks.webhook import WebhookOptions, WebhookSink
from egret.sinks.outputs import Outputs
from tests.support.alerts import hello
from tests.support.daemon import Room

async def main(store, url, seed, hits):
    room = Room(Path(store))
    sink = WebhookSink(WebhookOptions(name="soc", url=url, render=alert_to_dict, render_sensor=dict, render_digest=dict))
    room.telemetry.sinks(["soc"])
    room.outputs._deliveries = (Delivery(sink, DeliveryOptions(backoff_s=0.01, backoff_cap_s=0.1), room.watch),)
    await room.ledger.restore()
    room.outputs.start()
    await room.ledger.resume()
    task = asyncio.create_task(room.ledger.run())
    print("up", flush=True)
    for number in range(hits):
        room.ledger._fold(hello(seed + number * 0.001, client=bytes([10, seed & 255, number >> 8 & 255, number & 255])))
        await asyncio.sleep(0.001)
    while room.outputs.queue_lengths["soc"] or room.ledger._spool.unread["soc"]:
        await asyncio.sleep(0.01)
    task.cancel()
    await room.ledger.flush()
    await room.outputs.close(5.0)
    await room.ledger.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


class Receiver:
    """Takes most alerts, fails on some, refuses a few for good."""

    def __init__(self) -> None:
        self.took: Counter[str] = Counter()
        chance, receiver = random.Random(7), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status = chance.choice((200,) * 16 + (503, 500, 400))
                if status == 200:
                    receiver.took[self.headers["Idempotency-Key"]] += 1
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def wait_for(self, number: int) -> None:
        wait_until(lambda: len(self.took) >= number, f"{number} alerts")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def start(path: Path, url: str, seed: int, hits: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", LOAD, str(path), url, str(seed), str(hits)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_killed_at_any_instant_under_load_every_committed_alert_is_delivered_or_a_dead_letter(
    tmp_path: Path, receiver: Receiver
) -> None:
    path, chance = tmp_path / "i.db", random.Random(3)
    for seed in range(KILLS):
        process = start(path, receiver.url, seed, 100_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        time.sleep(chance.uniform(0.05, 0.6))
        if seed % 2:  # the others are killed however little was done
            receiver.wait_for(20 * seed)
        process.kill()
        process.stdout.close()
        process.wait()
    last = start(path, receiver.url, KILLS, 20)
    assert last.stdout is not None
    assert last.stdout.readline() == "up\n"
    assert last.wait(2 * PATIENCE_S) == 0
    last.stdout.close()
    with closing(Database(path)) as database:
        recorded = {kept.id for kept in find(database, Choice(), 10**6)}
        dead = {kept.id for kept in find(database, Choice(state=State.DEAD), 10**6)}
        left = counts(database)
        assert database.moved_aside == []
    assert len(recorded) > 100
    assert recorded == set(receiver.took) | dead
    assert left == {("soc", State.DEAD): len(dead)}


class Alertmanager:
    """Debian's, on a free port of this machine; its cluster is switched off."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir()
        config = folder / "am.yml"
        config.write_text("route: {receiver: nobody, group_by: [client]}\nreceivers: [{name: nobody}]\n")
        options = [f"--config.file={config}", f"--storage.path={folder}/data", "--cluster.listen-address="]
        options += [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"]
        self.process = subprocess.Popen(["prometheus-alertmanager", *options], stderr=(folder / "log").open("wb"))

    def alerts(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=PATIENCE_S) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
            return found

    def wait_for(self, number: int) -> None:
        wait_until(lambda: len(self.alerts()) == number, f"{number} alerts")

    def answers(self) -> bool:
        with suppress(OSError):
            return self.alerts() == []
        return False

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[list[Alertmanager]]:
    made = [Alertmanager(tmp_path / name) for name in ("a", "b")]
    for each in made:
        wait_until(each.answers, "an Alertmanager")
    yield made
    for each in made:
        each.close()


def fresh() -> Alert:
    """An alert of just now: Alertmanager drops what ended long ago."""
    alert, now_ns = opened(), time.time_ns()
    return replace(alert, incident=replace(alert.incident, first_ns=now_ns - 10**9, last_ns=now_ns))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_real_alertmanager_fires_is_reminded_and_resolves(peers: list[Alertmanager]) -> None:
    alert = fresh()
    still = [alert.incident]

    async def firing(number: int) -> None:
        """At each peer. The API shows what fires."""
        for peer in peers:
            await asyncio.to_thread(peer.wait_for, number)

    async def life() -> None:
        urls = tuple(peer.url for peer in peers)
        options = AlertmanagerOptions(
            name="am", peers=urls, sensor=Sensor("1", "gw"), repeat_s=1.0, expire_s=3.0, open_now=lambda: still
        )
        sink = AlertmanagerSink(options)
        await sink.send([alert])
        task = asyncio.create_task(sink.run())
        await asyncio.sleep(4.5)  # longer than it lasts without being repeated
        await firing(1)
        for peer in peers:
            [found] = await asyncio.to_thread(peer.alerts)
            assert found["labels"]["client"] == "192.0.2.7"
            assert found["status"]["state"] in {"active", "unprocessed"}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await sink.close()
        sink = AlertmanagerSink(dataclasses.replace(options, expire_s=10 * PATIENCE_S))
        await sink.send([alert])  # from now on it would last
        closed = replace(alert.incident, closed_ns=time.time_ns(), close_reason=CloseReason.QUIET)
        still.clear()
        await sink.send([replace(alert, incident=closed)])
        await firing(0)
        await sink.close()

    asyncio.run(life())
