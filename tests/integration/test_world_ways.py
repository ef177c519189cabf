"""The same visits watched in other ways: several workers, also on one interface, the portable backend, offloads on."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.patience import wait_until
from tests.support.world.clients import make, visit_all
from tests.support.world.expected import expected, incidents
from tests.support.world.plan import device
from tests.support.world.visits import VISITS
from tests.support.world.watch import CONFIG, Watch
from tests.support.world.world import World

pytestmark = pytest.mark.integration
CAP_NET_RAW, CAP_SETPCAP = 1 << 13, 1 << 8
WAYS = {
    "workers": ("world", "capture: {{workers: 2, interfaces: [lan0, wan0]}}\n"),
    "portable": ("world", "capture: {{backend: portable, interfaces: [lan0]}}\n"),
    "offloads, and two workers on one interface": ("offload_world", "capture: {{workers: 2, interfaces: [lan0]}}\n"),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_visit_is_told_and_no_other(way: str, request: pytest.FixtureRequest) -> None:
    name, options = WAYS[way]
    world: World = request.getfixturevalue(name)
    with Watch(world, config=CONFIG + options) as watch:
        wanted = expected(visit_all(world, VISITS))
        wait_until(lambda: watch.opened() == incidents(wanted), f"{way}: every incident")
        reached = {(row.client, *server) for row in wanted.values() for server in row.servers}
        wait_until(lambda: reached <= servers(watch), f"{way}: every server")
        samples = watch.samples()
    assert samples["egret_workers_up"] == 1 + ("workers: 2" in options)
    kind = "classic" if way == "portable" else "ebpf"  # root may load it
    assert samples[f'egret_capture_filter{{interface="lan0",kind="{kind}"}}'] == 1


def servers(watch: Watch) -> set[tuple[str, str, int]]:
    return {(device(i["client"]), s["ip"], s["port"]) for i in watch.incidents() for s in i["servers"]}


@dataclass(frozen=True)
class Process:
    """One process of the daemon, as the kernel sees it."""

    pid: int
    fields: dict[str, str]

    @property
    def capabilities(self) -> int:
        return int(self.fields["CapPrm"], 16) | int(self.fields["CapEff"], 16)


def processes(world: World) -> list[Process]:
    listed = subprocess.run(["ip", "netns", "pids", world.gateway.name], capture_output=True, text=True, check=True)
    return [Process(int(pid), status(int(pid))) for pid in listed.stdout.split()]


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def workers(world: World) -> list[Process]:
    """Those that parse: children of the one process that kept the right to capture."""
    all_of_them = processes(world)
    openers = {p.pid for p in all_of_them if p.capabilities & CAP_NET_RAW}
    return [p for p in all_of_them if int(p.fields["PPid"]) in openers]


def test_every_right_but_one_is_given_up(world: World) -> None:
    with Watch(world):
        running = processes(world)
        assert len(running) == 3
        for process in running:
            assert "0" not in process.fields["Uid"].split()
            assert process.fields["NoNewPrivs"] == "1"
        assert sorted(p.capabilities & ~CAP_SETPCAP for p in running) == [0, 0, CAP_NET_RAW]
        assert [p.capabilities for p in workers(world)] == [0]


def test_a_worker_that_dies_is_started_again_and_counted(world: World) -> None:
    with Watch(world) as watch:
        os.kill(workers(world)[0].pid, signal.SIGKILL)
        wait_until(lambda: watch.samples()["egret_worker_restarts_total"] == 1, "restart counted")
        wait_until(lambda: watch.samples()["egret_workers_up"] == 1, "worker back")
        wait_until(watch.is_ready, "ready again")
        make(world, next(visit for visit in VISITS if visit.tool == "openssl"))
        watch.wait_for(lambda alert: alert["rule"]["id"] == "alibaba.qwen-chat")
        assert "Traceback" not in watch.text()
