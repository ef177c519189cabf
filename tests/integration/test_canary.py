"""The canary on a gateway that forwards: it arrives, it leaves the host nowhere, and what stops it is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from egret.sources.probes import CLIENT, LINK_ADDRESS, NAME, SERVER
from tests.support.patience import wait_until
from tests.support.world.capture import capturing
from tests.support.world.watch import CONFIG, Watch
from tests.support.world.world import World

pytestmark = pytest.mark.integration

QUICK = CONFIG + "canary: {{every: 2500ms, within: 2s}}\n"
SEEN = "egret_canary_last_seen_timestamp_seconds"


def sensor_alerts(watch: Watch, problem: str = "canary_missed") -> list[str]:
    said: list[dict[str, Any]] = [arrived.alert for arrived in list(watch.sensor)]
    return [alert["egret"]["action"] for alert in said if alert["egret"]["problem"] == problem]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processes(watch: Watch) -> tuple[int, int, int]:
    """Daemon, opener and worker."""
    assert watch._process is not None
    daemon = watch._process.pid
    [opener] = children(daemon)
    [worker] = children(opener)
    return daemon, opener, worker


def heard(watch: Watch, number: int) -> None:
    wait_until(lambda: watch.samples()[SEEN] > 0, "a first canary")
    first = watch.samples()
    sent = sum(value for series, value in first.items() if series.startswith("egret_canary_sent_total"))

    def more() -> bool:
        now = watch.samples()
        return sum(v for series, v in now.items() if series.startswith("egret_canary_sent_total")) >= sent + number

    wait_until(more, "more canaries")


def missed(watch: Watch) -> float:
    return sum(value for series, value in watch.samples().items() if series.startswith("egret_canary_missed_total"))


def test_it_arrives_and_leaves_the_host_nowhere(world: World, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.pcap" for name in ("lan0", "wan0", "lo")}
    assert world.gateway.run("sysctl", "-n", "net.ipv4.ip_forward").strip() == "1"
    with Watch(world, config=QUICK) as watch:
        with (
            capturing(world.gateway, "lan0", files["lan0"]),
            capturing(world.gateway, "wan0", files["wan0"]),
            capturing(world.gateway, "lo", files["lo"]),
        ):
            heard(watch, 3)
        assert missed(watch) == 0
        assert sensor_alerts(watch) == []
        assert not watch.incidents()
        assert not [s for s, v in watch.samples().items() if v and s.startswith(("egret_detections_", "egret_names_"))]
        assert NAME not in watch.get("/api/v1/incidents?state=all&limit=100")
    marks = (LINK_ADDRESS, CLIENT + SERVER, b"canary")
    assert all(mark in files["lo"].read_bytes() for mark in marks)
    assert not any(mark in files[name].read_bytes() for mark in marks for name in ("lan0", "wan0"))


def test_a_frozen_worker_is_told_of_and_its_thawing_too(world: World) -> None:
    with Watch(world, config=QUICK) as watch:
        heard(watch, 1)
        _, _, worker = processes(watch)
        os.kill(worker, signal.SIGSTOP)
        try:
            wait_until(lambda: sensor_alerts(watch) == ["raised"], "the alarm")
            assert missed(watch) >= 1
            assert 'egret_sensor_problems{problem="canary_missed"} 1.0' in watch.get("/metrics")
            [problem] = json.loads(watch.get("/api/v1/status"))["problems"]
            assert problem["problem"] == "canary_missed"
            assert "capture process 0" in problem["text"]
        finally:
            os.kill(worker, signal.SIGCONT)
        wait_until(lambda: sensor_alerts(watch) == ["raised", "recovered"], "the end of the alarm")


def test_a_daemon_that_hangs_is_told_of_by_the_opener(world: World) -> None:
    with Watch(world, config=QUICK) as watch:
        heard(watch, 1)
        daemon, _, _ = processes(watch)
        os.kill(daemon, signal.SIGSTOP)
        try:
            wait_until(lambda: "it hangs, and alerts nobody" in watch.text(), "the opener's word")
        finally:
            os.kill(daemon, signal.SIGCONT)


def test_a_worker_that_is_killed_is_told_of(world: World) -> None:
    with Watch(world, config=QUICK) as watch:
        heard(watch, 1)
        os.kill(processes(watch)[2], signal.SIGKILL)
        wait_until(lambda: sensor_alerts(watch, "worker_died") == ["raised"], "the alert")
        heard(watch, 2)
        assert sensor_alerts(watch)[-1:] in ([], ["recovered"])  # its heir hears the canary


def test_a_loopback_that_is_down_is_told_of(world: World) -> None:
    """What keeps frames from the ring, as a filter that passes nothing would."""
    with Watch(world, config=QUICK) as watch:
        heard(watch, 1)
        try:
            world.gateway.ip("link", "set", "lo", "down")
            wait_until(lambda: sensor_alerts(watch)[:1] == ["raised"], "the alarm")
        finally:
            world.gateway.ip("link", "set", "lo", "up")
        wait_until(lambda: sensor_alerts(watch)[-1] == "recovered", "the end of the alarm")
        assert subprocess.run(["kill", "-0", str(processes(watch)[0])], check=False).returncode == 0
