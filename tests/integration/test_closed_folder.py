"""Root starts Egret from a checkout in a folder of its own; whoever Egret becomes then cannot enter that folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from egret.settings.passwords import hash_password
from tests.support.certificates import Authority
from tests.support.patience import wait_until
from tests.support.world.clients import visit_all
from tests.support.world.closed import Closed
from tests.support.world.namespaces import family, stop
from tests.support.world.visits import VISITS
from tests.support.world.watch import Watch
from tests.support.world.world import World

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"
CONFIG = """
outputs:
  file: {{path: {state}/alerts.jsonl, min_severity: info}}
  journal: {{enabled: true, min_severity: info}}
  syslog: [{{name: log, transport: udp, host: 127.0.0.1, min_severity: info}}]
  webhooks:
    - {{name: hook, url: "http://localhost:8099/hook", min_severity: info, hmac_secret: "file:{folder}/secret"}}
    - {{name: gone, url: "https://127.0.0.1:8098/", min_severity: info}}
  alertmanagers: [{{name: am, urls: ["http://127.0.0.1:8099"], min_severity: info}}]
  apprise:
    - {{name: chat, urls: ["json://127.0.0.1:8099/chat"], min_severity: info}}
    - {{name: mail, urls: ["mailto://127.0.0.1:2525?from=egret@example.com&to=soc@example.com"], min_severity: info}}
  nats: [{{name: bus, servers: ["127.0.0.1:4222"], min_severity: info}}]
  kafka: [{{name: topic, servers: ["127.0.0.1:9"], timeout: 2s, min_severity: info}}]
  digest: {{to: [hook, chat, mail]}}
store: {{path: {state}/incidents.db}}
canary: {{every: 3s, within: 2s}}
http:
  listen: "127.0.0.1:9477"
  tls: {{certificate: {folder}/page.crt, key: {folder}/page.key}}
  users: [{{name: alice, password: "HASH"}}]
""".replace("HASH", hash_password(PASSWORD, log_n=12))
PLAIN = """
store: {{path: {state}/incidents.db}}
"""
MORE = """
outputs: {apprise: [{name: chat, urls: ["json://127.0.0.1:8099/"]}]}
"""
RECEIVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""


class Guarded(Closed):
    """With a login and TLS."""

    url = "https://127.0.0.1:9477"

    def __init__(self, world: World) -> None:
        super().__init__(world, CONFIG)
        (self.folder / "secret").write_text("correct horse battery")
        self.authority = Authority(self.folder)
        self.authority.issue("page")
        self.curl = ("--cacert", str(self.authority.ca), "-u", f"alice:{PASSWORD}")


@pytest.fixture
def receivers(world: World, tmp_path: Path) -> Iterator[None]:
    """What answers on the gateway's loopback: HTTP, mail, NATS."""
    nats = shutil.which("nats-server", path="/usr/sbin:/usr/bin")
    assert nats is not None
    commands = (
        [sys.executable, "-c", RECEIVER],
        [sys.executable, "-m", "aiosmtpd", "-n", "-l", "127.0.0.1:2525", "-c", "aiosmtpd.handlers.Debugging", "stdout"],
        [nats, "-a", "127.0.0.1", "-p", "4222"],
    )
    processes = [world.gateway.start(command, tmp_path / "log") for command in commands]
    yield
    for process in processes:
        stop(process)


def reloads(watch: Watch, outcome: str) -> float:
    return watch.samples()[f'egret_reloads_total{{outcome="{outcome}",trigger="signal"}}']


def tried(watch: Watch) -> bool:
    """Whether each receiver that is there got an alert, and each that is not was asked."""
    samples = watch.samples()
    wanted = {"delivered": ("file", "hook", "am", "chat", "mail", "bus"), "failed": ("gone", "topic")}
    series = [f'{{outcome="{outcome}",sink="{sink}"}}' for outcome, sinks in wanted.items() for sink in sinks]
    return all(samples[f"egret_deliveries_total{each}"] for each in series)


def kill_a_worker(watch: Watch) -> None:
    _daemon, _opener, worker, *_ = family(watch.pid)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: watch.samples()["egret_worker_restarts_total"] == 1, "another worker")
    wait_until(lambda: watch.samples()["egret_workers_up"] == 1, "it is up")


def test_all_of_it_works_from_a_folder_that_only_root_enters(world: World, receivers: None) -> None:
    with Guarded(world) as watch:
        visit_all(world, VISITS[1:4])
        alert = watch.wait_for(lambda each: bool(each["egret"]["incident"]["evidence_files"])).alert
        story = f"/api/v1/incidents/{alert['egret']['incident']['id']}"
        wait_until(lambda: bool(json.loads(watch.get(story))["evidence"]), "the evidence on the disk")
        for path in ("/", story.replace("/api/v1", ""), f"{story}/evidence", "/metrics", "/api/v1/coverage"):
            assert watch.get(path)
        watch.hang_up()
        wait_until(lambda: reloads(watch, "applied") == 1, "the reload")
        kill_a_worker(watch)
        visit_all(world, VISITS[3:5])
        wait_until(lambda: tried(watch), "an alert at each receiver")
        canary = "egret_canary_last_seen_timestamp_seconds"
        wait_until(lambda: watch.samples()[canary] > 0, "the canary")
        assert watch.samples()['egret_reloads_total{outcome="refused",trigger="files"}'] == 0
        watch.stop()
        assert "reload_would_be_refused" not in watch.text()
        assert watch.late == []
        assert "internal" not in watch.text()


def test_a_package_that_is_wanted_later_is_the_operator_s_to_mend(world: World) -> None:
    with Closed(world, PLAIN) as watch:
        watch.config.write_text(watch.config.read_text() + MORE)
        watch.hang_up()
        wait_until(lambda: reloads(watch, "refused") == 1, "the reload refused")
        assert "outputs.apprise: its package cannot be read" in watch.text()
        assert "restart Egret, which may read its packages until it gives up root" in watch.text()
        assert "LATE import apprise" in watch.late  # so what is late is seen
        assert "internal" not in watch.text()
