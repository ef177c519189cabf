"""Starting, ending, losing an interface: what an operator does to the daemon on a gateway."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.patience import wait_until
from tests.support.world import plan, topology
from tests.support.world.clients import make
from tests.support.world.visits import VISITS, Visit
from tests.support.world.watch import Watch, egret, give_to_daemon
from tests.support.world.world import World

pytestmark = pytest.mark.integration


def curl_of(name: str) -> Visit:
    return next(visit for visit in VISITS if visit.tool == "curl" and visit.seen[-1].name == name)


def names(alert: dict[str, Any], host: str) -> bool:
    return host in alert["egret"]["incident"]["hosts"]


def open_incidents(watch: Watch) -> float:
    return sum(value for series, value in watch.samples().items() if series.startswith("egret_incidents_open{"))


def detections(watch: Watch) -> float:
    return sum(value for series, value in watch.samples().items() if series.startswith("egret_detections_total{"))


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that outlives one run, owned by the user that root becomes."""
    with tempfile.TemporaryDirectory(prefix="egw-state-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        give_to_daemon(path)
        yield path


def test_sigterm_ends_it_cleanly_and_soon(world: World) -> None:
    with Watch(world) as watch:
        code, seconds = watch.stop()
        assert code == 0, watch.text()
        assert seconds < 5
        assert "Traceback" not in watch.text()


def test_an_alert_just_before_the_end_is_not_lost(world: World) -> None:
    with Watch(world) as watch:
        make(world, curl_of("qwen.ai"))
        wait_until(lambda: detections(watch) > 0, "its packets read: no more than that")
        assert watch.stop()[0] == 0
        watch.wait_for(lambda alert: names(alert, "qwen.ai"))


def test_a_restart_continues_the_incident(world: World, state: Path) -> None:
    with Watch(world, state=state) as watch:
        make(world, curl_of("qwen.ai"))
        watch.wait_for(lambda a: names(a, "qwen.ai") and a["egret"]["incident"]["evidence"] == "connection")
        assert watch.stop()[0] == 0
    with Watch(world, state=state) as again:
        make(world, curl_of("qwen.ai"))
        make(world, curl_of("dashscope.aliyuncs.com"))
        again.wait_for(lambda alert: names(alert, "dashscope.aliyuncs.com"))
        assert not [a for a in again.alerts if names(a.alert, "qwen.ai") and a.alert["egret"]["action"] == "opened"]
        wait_until(lambda: open_incidents(again) == 2, "both incidents shown as open")


def test_an_interface_may_go_and_come_back(world: World) -> None:
    with Watch(world, "-i", "lan0") as watch:

        def link_is(value: float) -> bool:
            return watch.samples()['egret_link_up{interface="lan0"}'] == value

        assert link_is(1)
        try:
            world.gateway.ip("link", "delete", "lan0")
            wait_until(lambda: link_is(0), "link down noticed")
        finally:
            topology.connect_inside(world.lan, world.gateway)
        wait_until(lambda: link_is(1), f"link back noticed; log:\n{watch.text()[-2000:]}")
        make(world, curl_of("qwen.ai"))
        arrived = watch.wait_for(lambda a: names(a, "qwen.ai") and bool(a["egret"]["incident"]["servers"]))
        assert arrived.alert["client"]["ip"] == plan.LAPTOP.v4


def test_a_wrong_interface_name_is_said_in_one_line(world: World) -> None:
    done = egret(world, "run", "-i", "nosuch0")
    assert done.returncode in {1, 2}
    assert "nosuch0" in done.stderr
    assert "lan0" in done.stderr  # what there is to choose from
    assert "Traceback" not in done.stderr


def test_without_root_one_line_says_what_is_missing(world: World) -> None:
    # A user namespace without a map: not root, no capability, and yet this Python's files can be read.
    done = egret(world, "run", prefix=("unshare", "--user", "env", f"HOME={tempfile.gettempdir()}"))
    assert done.returncode in {1, 2}
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "CAP_NET_RAW" in lines[0]
    assert "Traceback" not in done.stderr


def test_a_broken_config_is_an_exit_code_and_a_place(world: World, tmp_path: Path) -> None:
    config = tmp_path / "egret.yaml"
    config.write_text("capture: {interfaces: [lan0]}\ncaptrue: {}\n")
    done = egret(world, "run", "-c", str(config))
    assert done.returncode == 2
    assert f"{config}:2:1" in done.stderr
    assert "capture" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_address_already_taken_is_said(world: World) -> None:
    with Watch(world) as watch:
        config = watch.folder / "second.yaml"
        config.write_text(f"store: {{path: {watch.folder}/second.db}}\n")
        done = egret(world, "run", "-c", str(config))
        assert done.returncode in {1, 2}
        assert "9477" in done.stderr
        assert "Traceback" not in done.stderr


def test_doctor_says_what_this_gateway_can_do(world: World) -> None:
    done = egret(world, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lan0" in done.stdout
