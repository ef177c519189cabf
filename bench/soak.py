"""A soak: hits through a real daemon while receivers fail, workers die and the disk fills; then the account.

    python bench/soak.py [--minutes M] [--rate HITS_A_SECOND] [--seed N]

The daemon is the real one (opener, worker, pipe, ledger, store, outputs, page), but for its packets: the worker makes
hits of catalogue names by itself. Four outputs: a file, a receiver that always answers, one that fails in every way
it can, and one that hangs. As root the store is on a small disk that is filled now and then. At the end the faults
stop, what waits is delivered, and all must add up: exit 0 only if ``detections = opened + folded + suppressed``, each
output has ``offered = delivered + rejected + dropped + forgotten + kept + waiting``, and every alert on record is
with the receiver that always answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from egret.daemon.service import Post, Service
from egret.daemon.setup import load_knowledge
from egret.settings.config import load_config
from egret.settings.signatures import load_catalog
from egret.sources.opener import Opener
from egret.sources.opener_plan import Plan, WorkerLink
from egret.sources.placement import Placement
from egret.store.database import Database
from egret.store.outbox import Choice, find
from egret.telemetry.account import account
from egret.worker.pipeline import Hit
from egret.worker.wire import encode_hit, encode_report
from tests.support.alerts import START_NS
from tests.support.pipeline import seen

CONFIG = """
http: {{listen: "127.0.0.1:{page}"}}
alerts: {{update_every: 10s, close_after: 10s}}
outputs:
  terminal: {{enabled: false}}
  file: {{path: "{folder}/alerts.jsonl", min_severity: info}}
  spool: {{backoff_cap: 2s}}
  webhooks:
    - {{name: good, url: "http://127.0.0.1:{good}/", min_severity: info}}
    - {{name: flaky, url: "http://127.0.0.1:{flaky}/", min_severity: info, timeout: 1s}}
    - {{name: hanging, url: "http://127.0.0.1:{hanging}/", min_severity: high, timeout: 1s}}
"""
NAMES = ("chat.qwen.ai", "www.deepseek.com", "kimi.moonshot.cn", "www.doubao.com", "yiyan.baidu.com", "www.aliyun.com")
CLIENTS = 20
FAULT_EVERY_S = 15.0
DISK_FULL_S = 6.0
DRAIN_S = 90.0


def work(_index: int, link: WorkerLink) -> None:
    """A worker that makes hits until a file says stop; ordinary in all else."""
    catalog, chance = load_catalog(), random.Random(os.getpid())
    matches = [(name, match) for name in NAMES if (match := catalog.match_name(name)) is not None]
    rate, stop = float(os.environ["SOAK_RATE"]), Path(os.environ["SOAK_STOP"])
    while True:
        link.pipe.wait(1 / rate)
        link.pipe.receive(descriptors=1)
        if not stop.exists():
            name, match = chance.choice(matches)
            client = bytes([192, 0, 2, chance.randrange(1, CLIENTS)])
            event = seen(name, client=client, at_s=time.time() - START_NS / 1e9)
            link.pipe.send(encode_hit(Hit(event, match)))
        row = {"interface": "lan0", "up": True, "received": 1, "dropped": 0}
        link.pipe.send(encode_report({}, {}, [row], 1))


def be_daemon(config: Path) -> None:
    knowledge = load_knowledge(load_config(config))
    opener = Opener.start(work, Plan(interfaces={}, backend="portable"))
    place = Placement(("lan0",), ("lan0: a soak",), ())
    post = Post(knowledge, place, ("192.0.2.0/24",), [["lan0"]], opener, lambda: load_config(config))

    async def serve() -> None:
        await Service(post, print).run()

    asyncio.run(serve())


class Receiver:
    """Answers as its *ways* say, at random, while *faulty*; remembers what it took."""

    def __init__(self, ways: tuple[int | str, ...], seed: int) -> None:
        self.took: Counter[str] = Counter()
        self.faulty = True
        self._ways, self._chance = ways, random.Random(seed)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_port

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        way = self._chance.choice(self._ways) if self.faulty else 200
        if way == "hang":
            time.sleep(3.0)
            return
        if way == "cut":
            request.connection.close()
            return
        request.send_response(int(way))
        if way == 429:
            request.send_header("Retry-After", "1")
        request.end_headers()
        if way == 200 and "incident" in body["egret"]:  # the rest is about the sensor itself, and not on record
            self.took[request.headers["Idempotency-Key"]] += 1


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """A disk of its own at *folder*, if that is allowed here."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "egret-soak", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(folder: Path) -> None:
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 20)) == 1 << 20:
                continue
    except OSError:
        pass
    time.sleep(DISK_FULL_S)
    ballast.unlink()


def kill_worker(daemon: subprocess.Popen[bytes]) -> None:
    """The grandchild: the daemon forks the opener, the opener the worker."""
    for opener in _children(daemon.pid):
        for worker in _children(opener):
            os.kill(worker, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def metrics(page: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{page}/metrics", timeout=10) as answer:
        return answer.read().decode()


def value(text: str, name: str) -> float:
    rows = (row for family in text_string_to_metric_families(text) for row in family.samples)
    return sum(row.value for row in rows if row.name == name)


def soak(minutes: float, rate: float, seed: int) -> int:
    chance = random.Random(seed)
    good = Receiver((200,), seed)
    flaky = Receiver((200, 200, 200, 200, 200, 200, 200, 200, 503, 429, 400, 500, "cut", "hang"), seed)
    hanging = Receiver(("hang",), seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        state = folder / "state"
        state.mkdir()
        can_fill = stack.enter_context(small_disk(state, 64 + round(minutes * 6)))
        with socket.create_server(("127.0.0.1", 0)) as free:
            page = free.getsockname()[1]
        config, stop = folder / "egret.yaml", folder / "stop"
        ports = {"good": good.port, "flaky": flaky.port, "hanging": hanging.port}
        config.write_text(CONFIG.format(page=page, folder=folder, **ports))
        environment = {**os.environ, "STATE_DIRECTORY": str(state), "SOAK_RATE": str(rate), "SOAK_STOP": str(stop)}
        log = (folder / "log").open("wb")
        command = [sys.executable, __file__, "--daemon", str(config)]
        daemon = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        stack.callback(daemon.kill)
        faults: Counter[str] = Counter()
        try:
            _wait_for_page(page)
            end_s = time.monotonic() + minutes * 60
            while (left_s := end_s - time.monotonic()) > 0:
                time.sleep(min(FAULT_EVERY_S, left_s))
                if chance.random() < 0.5 or not can_fill:
                    kill_worker(daemon)
                    faults["worker killed"] += 1
                else:
                    fill(state)
                    faults["disk full"] += 1
            stop.touch()
            flaky.faulty = hanging.faulty = False
            text = _drained(page)
        except Exception:
            sys.stdout.write((folder / "log").read_text()[-4000:])
            raise
        database = Database(state / "incidents.db")
        recorded = {kept.id for kept in find(database, Choice(), 10**7)}
        database.close()
        daemon.terminate()
        daemon.wait(30)
        return _report(text, recorded, good, faults)


def _wait_for_page(page: int) -> None:
    for _ in range(300):
        try:
            metrics(page)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the daemon does not answer")


def _drained(page: int) -> str:
    """The metrics once incidents are closed and nothing waits, or after ``DRAIN_S``."""
    text = ""
    for _ in range(int(DRAIN_S)):
        time.sleep(1.0)
        text = metrics(page)
        if not value(text, "egret_incidents_open") and not value(text, "egret_delivery_queue_length"):
            time.sleep(2.0)  # what the last tick began
            return metrics(page)
    return text


def _report(text: str, recorded: set[str], good: Receiver, faults: Counter[str]) -> int:
    lines = account(row for family in text_string_to_metric_families(text) for row in family.samples)
    for line in lines:
        print(line)
    lost = recorded ^ set(good.took)
    counts = {name: int(value(text, f"egret_{name}_total")) for name in ("store_errors", "worker_restarts")}
    counts |= {name: int(value(text, f"egret_{name}_total")) for name in ("alerts_unrecorded", "internal_errors")}
    print(f"faults: {dict(faults)}; counted: {counts}")
    print(f"{len(recorded):,} alerts on record, {len(lost)} of them or of those received not in both;")
    print(f"the receiver that always answers got {good.took.total() - len(good.took)} twice")
    failed = [line for line in lines if line.missing] or lost or counts["internal_errors"]
    print("FAILED" if failed else "the account balances")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=20.0, help="hits a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--daemon", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.daemon:
        be_daemon(chosen.daemon)
        return 0
    return soak(chosen.minutes, chosen.rate, chosen.seed)


if __name__ == "__main__":
    sys.exit(main())
