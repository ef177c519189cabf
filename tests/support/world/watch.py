"""``egret run`` on the gateway of the test world, its alert file, its metrics."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.support.patience import PATIENCE_S, LateError, wait_until
from tests.support.world.addresses import write_database
from tests.support.world.namespaces import WorldError, stop
from tests.support.world.plan import device
from tests.support.world.world import World

PROMPT_S = 2.0  # an alert that comes later than this after the visit is too late
STEP_S = 0.025  # how exactly it is known when a line was in the file
COMMAND_S = 120.0  # seconds even where nine others want the same core
URL = "http://127.0.0.1:9477"
EGRET = (sys.executable, "-m", "egret")

CONFIG = """
geoip: {{databases: [{folder}/world.mmdb], geolocate_reserved: true}}
outputs: {{file: {{path: {state}/alerts.jsonl, min_severity: info}}}}
store: {{path: {state}/incidents.db}}
log: {{level: debug, format: text}}
"""


class Arrived(NamedTuple):
    """One alert and when its line was in the file."""

    time_ns: int
    alert: dict[str, Any]


class Watch:
    """The daemon, running while the block runs. ``alerts`` grows as lines arrive."""

    url = URL  # of its page
    program: Sequence[str] = EGRET
    curl: Sequence[str] = ()  # what a client there must say

    def __init__(self, world: World, *options: str, config: str = CONFIG, state: Path | None = None) -> None:
        self.alerts: list[Arrived] = []
        self.sensor: list[Arrived] = []  # what Egret says about itself
        self._world, self._options = world, options
        # not below pytest's folder, which only its owner enters: the daemon drops root and reopens its file
        self.folder = Path(tempfile.mkdtemp(prefix="egw-watch-"))
        self.folder.chmod(0o755)
        self.state = state or self._own(self.folder / "state")
        self.config = self.folder / "egret.yaml"
        self.config.write_text(config.format(folder=self.folder, state=self.state))
        self.log = self.folder / "egret.log"
        write_database(self.folder / "world.mmdb")
        self._process: subprocess.Popen[bytes] | None = None
        self._done = threading.Event()
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._began_ns = 0

    @staticmethod
    def _own(path: Path) -> Path:
        """The state folder, writable for the user that root becomes, as an installation makes it."""
        path.mkdir()
        give_to_daemon(path)
        return path

    def __enter__(self) -> Self:
        command = [*self.program, "run", "-c", str(self.config), *self._options]
        self._began_ns = time.time_ns()
        # out of pytest's folder: whatever the daemon reads relative to where it is would be a bug
        own = {"HOME": str(self.folder), "STATE_DIRECTORY": str(self.state)}
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **own}
        self._process = self._world.gateway.start(command, self.log, environment)
        try:
            wait_until(self.is_ready, f"egret ready: {' '.join(command)}")
        except (LateError, WorldError) as error:
            said = self.text()[-4000:]
            self.__exit__(None, None, None)
            raise WorldError(f"{error}\n{said}") from error
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._done.set()
        if self._reader.ident:
            self._reader.join(PATIENCE_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> tuple[int, float]:
        """SIGTERM; the exit code and how many seconds the end took."""
        if self._process is None:
            return 0, 0.0
        began = time.monotonic()
        return stop(self._process), time.monotonic() - began

    @property
    def pid(self) -> int:
        """The daemon's; what starts it becomes it."""
        assert self._process is not None
        return self._process.pid

    def hang_up(self) -> None:
        """SIGHUP, as ``systemctl reload`` sends it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def text(self) -> str:
        """Everything it printed so far."""
        return self.log.read_text(errors="replace")

    def get(self, path: str) -> str:
        """The body of one answer of its HTTP server."""
        return self._world.gateway.run("curl", "-sS", "-m", "45", "--fail", *self.curl, self.url + path)

    def opened(self) -> set[tuple[str, str]]:
        """Client and signature of every incident that an alert told of."""
        return {(device(alert["client"]["ip"]), alert["rule"]["id"]) for _, alert in list(self.alerts)}

    def incidents(self) -> list[dict[str, Any]]:
        """The open incidents as they are now; alerts show them as they were then."""
        found: list[dict[str, Any]] = json.loads(self.get("/api/v1/incidents?limit=100"))["incidents"]
        return found

    def samples(self) -> dict[str, float]:
        """``/metrics`` as ``{'name{labels}': value}``."""
        lines = (line for line in self.get("/metrics").splitlines() if not line.startswith("#"))
        return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines)}

    def wait_for(self, found: Callable[[dict[str, Any]], bool]) -> Arrived:
        """The first alert that *found* accepts."""
        wait_until(lambda: any(found(a.alert) for a in self.alerts), f"that alert; log:\n{self.text()[-3000:]}")
        return next(a for a in self.alerts if found(a.alert))

    def is_ready(self) -> bool:
        """Whether ``/readyz`` says so; WorldError if the daemon has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise WorldError(f"egret ended with {self._process.returncode}")
        asked = self._world.gateway.inside(["curl", "-s", "-m", "5", "--fail", *self.curl, f"{self.url}/readyz"])
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def _follow(self) -> None:
        path, at = self.state / "alerts.jsonl", 0
        if path.exists() and path.stat().st_mtime_ns < self._began_ns:
            at = path.stat().st_size
        while not self._done.wait(STEP_S):
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(at)
                for line in file:
                    if not line.endswith(b"\n"):  # its rest may come before the next look: not a line of its own
                        break
                    at += len(line)
                    arrived = Arrived(time.time_ns(), json.loads(line))
                    about_itself = arrived.alert["event"]["dataset"] == "egret.sensor"
                    (self.sensor if about_itself else self.alerts).append(arrived)


def give_to_daemon(path: Path) -> None:
    """Make the user that root becomes the owner of *path*."""
    users = {entry.pw_name for entry in pwd.getpwall()}
    shutil.chown(path, "egret" if "egret" in users else "nobody")


def egret(world: World, *arguments: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """One egret command on the gateway, to its end."""
    command = world.gateway.inside([*prefix, *EGRET, *arguments])
    return subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_S, check=False, stdin=subprocess.DEVNULL
    )
