"""Where the soak happens: namespaces of its own, small disks, and the daemon as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.world.watch import give_to_daemon

URL = "http://127.0.0.1:9477"
WATCHED, FAR = "lan0", "peer0"
READY_S = 180.0
GONE_S = 60.0
ANSWER_S = 60.0  # for a page: a machine may be busy
_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
_WANTED = (
    "egret_detections_total",
    "egret_detections_folded_total",
    "egret_incidents_open",
    "egret_alerts_suppressed_total",
    "egret_alerts_unrecorded_total",
    "egret_deliver",
    "egret_packets_",
    "egret_messages_dropped_total",
    "egret_store_",
    "egret_internal_errors_total",
    "egret_reloads_total",
    "egret_worker",
    "egret_evidence_total",
)


def enter_namespaces() -> None:
    """Become a process of new network, mount and process namespaces; all in them ends with it. Does not return."""
    os.execvp(_UNSHARE[0], [*_UNSHARE, sys.executable, *sys.argv, "--inside"])


def furnish() -> None:
    """Inside: a veth pair, and /sys of this network."""
    for command in (
        "mount -t sysfs sysfs /sys",
        "ip link set lo up",
        f"ip link add {WATCHED} type veth peer name {FAR}",
        f"ip addr add 192.0.2.254/24 dev {WATCHED}",
        f"ip link set {WATCHED} up",
        f"ip link set {FAR} up",
    ):
        subprocess.run(command.split(), check=True, capture_output=True)


class Disk:
    """A small disk."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={megabytes}m", "egret-soak")
        give_to_daemon(folder)

    def _mount(self, *arguments: str) -> bool:
        done = subprocess.run(["mount", *arguments, str(self.folder)], check=False, capture_output=True)
        return not done.returncode

    def fill(self) -> None:
        try:
            with (self.folder / "ballast").open("wb", buffering=0) as file:
                while file.write(bytes(1 << 20)) == 1 << 20:
                    continue
        except OSError:
            pass

    def free(self) -> None:
        (self.folder / "ballast").unlink()

    def read_only(self) -> bool:
        """Whether it could be made so: not while a file is open for writing."""
        return self._mount("-o", "remount,ro")

    def writable(self) -> None:
        self._mount("-o", "remount,rw")

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    made = Disk(folder, megabytes)
    try:
        yield made
    finally:
        made.close()


class Scrape(NamedTuple):
    """What ``/metrics`` said."""

    time_s: float
    samples: list[Sample]

    def total(self, name: str, **labels: str) -> int:
        return int(
            sum(each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items())
        )


class Daemon:
    """``egret run``, started again when it ended, as systemd does it."""

    def __init__(self, config: Path, state: Path, log: Path) -> None:
        self._command = [sys.executable, "-m", "egret", "run", "-c", str(config)]
        self._environment = {**os.environ, "STATE_DIRECTORY": str(state), "HOME": str(state), "PYTHONUNBUFFERED": "1"}
        self._log = log
        self.life = -1
        self.last: dict[int, Scrape] = {}  # by life
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.life += 1
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        end_s = time.monotonic() + READY_S
        while not self._ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"egret ended by itself with {self.process.returncode}")
            if time.monotonic() > end_s:
                raise TimeoutError("egret is not ready")
            time.sleep(0.1)
        self.scrape()

    def _ready(self) -> bool:
        try:
            self.get("/readyz")
        except OSError:
            return False
        return True

    @property
    def pid(self) -> int:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError("egret ended by itself")
        return self.process.pid

    @property
    def opener(self) -> int:
        return _children(self.pid)[0]

    @property
    def workers(self) -> list[int]:
        return _children(self.opener)

    def end(self, number: int, within_s: float = GONE_S) -> int:
        """Send a signal and wait for the end of it and of its children; the exit code."""
        family = [self.opener, *self.workers]
        os.kill(self.pid, number)
        return self.ended(family, within_s)

    def ended(self, family: list[int], within_s: float = GONE_S) -> int:
        """Wait for the end of it and of its children; the exit code."""
        if self.process is None:
            raise RuntimeError("not started")
        code = self.process.wait(within_s)
        end_s = time.monotonic() + within_s
        while left := [pid for pid in family if _alive(pid)]:
            if time.monotonic() > end_s:
                raise TimeoutError(f"egret's children outlive it: {left}")
            time.sleep(0.05)
        return code

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(URL + path, timeout=ANSWER_S) as answer:
            body: bytes = answer.read()
            return body.decode()

    def open_incidents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.get("/api/v1/incidents?limit=1000"))["incidents"]
        return found

    def scrape(self) -> Scrape:
        lines = [line for line in self.get("/metrics").splitlines() if line.startswith(_WANTED)]
        families = text_string_to_metric_families("\n".join(lines) + "\n")
        found = Scrape(time.time(), [sample for family in families for sample in family.samples])
        self.last[self.life] = found
        return found

    def stop(self) -> int:
        return self.end(signal.SIGTERM)

    def totals(self) -> dict[str, int]:
        """Counters of all lives together, as far as they were heard."""
        sums: dict[str, int] = defaultdict(int)
        for scrape in self.last.values():
            for sample in scrape.samples:
                if sample.name.endswith("_total"):
                    sums[sample.name] += int(sample.value)
        return sums


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def copy_config(target: Path, text: str) -> None:
    """Replace a config at once, readable for whoever the daemon becomes."""
    fresh = target.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    shutil.move(fresh, target)
