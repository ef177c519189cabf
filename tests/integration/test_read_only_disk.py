"""The disk with everything that a daemon writes turns read-only while it runs, and is mended."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.patience import wait_until
from tests.support.world.clients import make
from tests.support.world.disk import Disk
from tests.support.world.visits import VISITS, Visit
from tests.support.world.watch import CONFIG, Watch
from tests.support.world.world import World

pytestmark = pytest.mark.integration


def curl_of(name: str) -> Visit:
    return next(visit for visit in VISITS if visit.tool == "curl" and visit.seen[-1].name == name)


@pytest.fixture
def disk() -> Iterator[Disk]:
    with tempfile.TemporaryDirectory(prefix="egw-disk-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        made = Disk(Path(folder))
        yield made
        made.close()


def kept(disk: Disk) -> set[str]:
    """Signatures of incidents in the store's file."""
    with closing(sqlite3.connect(f"file:{disk.path}/incidents.db?mode=ro", uri=True)) as store:
        return {signature for (signature,) in store.execute("SELECT signature FROM incidents")}


def test_detection_goes_on_and_what_waited_is_written_once_the_disk_is_mended(world: World, disk: Disk) -> None:
    with Watch(world, config=CONFIG, state=disk.path) as watch:
        make(world, curl_of("qwen.ai"))
        watch.wait_for(lambda alert: "qwen.ai" in alert["egret"]["incident"]["hosts"])
        wait_until(lambda: "alibaba.qwen-chat" in kept(disk), "the first incident on the disk")

        disk.fail()
        make(world, curl_of("dashscope.aliyuncs.com"))
        wait_until(lambda: "DashScope" in watch.text(), "an alert at the terminal all the same")
        wait_until(lambda: watch.samples()["egret_store_healthy"] == 0, "the metric")
        assert watch.samples()["egret_store_errors_total"] > 0
        wait_until(lambda: watch.samples()["egret_store_waiting"] > 0, "what waits")
        wait_until(lambda: "fix the rights" in watch.text(), "what to do")
        assert len(watch.incidents()) == 2

        disk.mend(watch.pid)
        watch.wait_for(lambda alert: "dashscope.aliyuncs.com" in alert["egret"]["incident"]["hosts"])
        wait_until(lambda: watch.samples()["egret_store_waiting"] == 0, "all of it written")
        assert len(kept(disk)) == 2
        wait_until(lambda: watch.samples()["egret_store_healthy"] == 1, "the metric")
        samples = watch.samples()
        assert sum(value for name, value in samples.items() if name.startswith("egret_internal_errors_total")) == 0
        assert samples["egret_worker_restarts_total"] == 0
        assert watch.stop()[0] == 0
