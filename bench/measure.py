"""Commands side by side: how long each takes, what it costs, what it finds."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LAUNCHER = Path(__file__).with_name("launch.py")
SNI, HOST, QUERY = "tls.handshake.extensions_server_name", "http.host", "dns.qry.name"
FILTER = "udp port 53 or (tcp[tcpflags] & (tcp-syn|tcp-fin) != 0) or (tcp dst port 443 and greater 60)"
FLOOR, EGRET, PURE, OBSERVE = "tcpdump (the floor)", "egret", "egret, pure Python", "egret observe"
KINDS = ('"kind": "query"', '"kind": "client_hello"', '"kind": "request"')


@dataclass
class Figures:
    """What one tool did with one file: medians."""

    tool: str
    wall_s: float
    cpu_s: float
    peak_mb: int
    found: int | None


@dataclass
class Workload:
    """One file, and what every tool did with it."""

    name: str
    packets: int
    size: int
    rounds: int
    rows: list[Figures] = field(default_factory=list)
    stolen: float = 0.0  # of the time that the cores were to work, what the host gave to others instead

    def of(self, tool: str) -> Figures | None:
        return next((row for row in self.rows if row.tool == tool), None)


@dataclass
class Results:
    """All of one run: what the pages are made of."""

    machine: dict[str, str]
    compiled: bool  # whether there was a compiled gate to measure
    workloads: list[Workload] = field(default_factory=list)
    starts: list[Figures] = field(default_factory=list)
    jobs: list[Figures] = field(default_factory=list)  # several files; ``tool`` is the number of jobs
    browsing: dict[str, int] = field(default_factory=dict)
    division: list[Figures] = field(default_factory=list)  # one file; ``tool`` is its name and the number of jobs

    def of(self, name: str) -> Workload | None:
        return next((each for each in self.workloads if each.name == name), None)

    def dump(self) -> str:
        return json.dumps(asdict(self), indent=1)


def loaded(text: str) -> Results:
    """What ``Results.dump`` wrote."""
    read = json.loads(text)
    for key in ("starts", "jobs", "division"):
        read[key] = [Figures(**row) for row in read.get(key, [])]
    for workload in read["workloads"]:
        workload["rows"] = [Figures(**row) for row in workload["rows"]]
    read["workloads"] = [Workload(**workload) for workload in read["workloads"]]
    return Results(**read)


@dataclass
class Tool:
    """One command, and how to count the names in what it printed."""

    name: str
    command: Callable[[Sequence[str]], Sequence[str]]
    found: Callable[[str], int] | None = None
    counting: Callable[[Sequence[str]], Sequence[str]] | None = None  # another command to count with, not timed
    environment: Mapping[str, str] = field(default_factory=dict)
    once: bool = False  # too slow to take the median of several
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_mb: int = 0
    names: int | None = None

    def run(self, paths: Sequence[str]) -> None:
        with tempfile.TemporaryFile("w+") as output:
            self._time(paths, output)
            if self.found is not None and self.names is None:
                if self.counting is not None:
                    output.truncate(0)
                    subprocess.run(self.counting(paths), stdout=output, stderr=subprocess.DEVNULL, check=False)
                output.seek(0)
                self.names = self.found(output.read())

    def _time(self, paths: Sequence[str], output: Any) -> None:
        reader, writer = os.pipe()
        command = [sys.executable, "-I", "-S", str(LAUNCHER), str(writer), *self.command(paths)]
        subprocess.run(
            command,
            stdout=output,
            stderr=subprocess.DEVNULL,
            env={**surroundings(), **self.environment},
            pass_fds=[writer],
            check=True,
        )
        os.close(writer)
        with os.fdopen(reader) as report:
            wall_s, cpu_s, peak_mb, code = json.load(report)
        if code and self.name.startswith(EGRET):
            raise SystemExit(f"{' '.join(self.command(paths))} ended with {code}")
        self.wall_s.append(wall_s)
        self.cpu_s.append(cpu_s)
        self.peak_mb = max(self.peak_mb, peak_mb)

    def figures(self) -> Figures:
        return Figures(
            self.name, statistics.median(self.wall_s), statistics.median(self.cpu_s), self.peak_mb, self.names
        )


def surroundings() -> dict[str, str]:
    """The environment without what keeps Python from storing byte code: an installed program has its own."""
    return {key: value for key, value in os.environ.items() if key not in {"PYTHONDONTWRITEBYTECODE", "EGRET_PURE"}}


def is_compiled() -> bool:
    """Whether there is a compiled gate beside the one in Python."""
    return importlib.util.find_spec("egret.worker._gate") is not None


def egret(*words: str) -> Callable[[Sequence[str]], Sequence[str]]:
    return lambda paths: [sys.executable, "-m", "egret", *words, *paths]


def tools(chosen: Sequence[str]) -> list[Tool]:
    """Those that are on this machine; one path of Egret's in one job, and the other where there is one."""
    named = f"{SNI} or dns.flags.response == 0 or http.request"
    fields = ["-T", "fields", "-e", SNI, "-e", QUERY, "-e", HOST, "-Y", named]
    replay = egret("replay", "--jobs", "1")
    known = [
        Tool(EGRET, replay, _seen),
        Tool(PURE, replay, _seen, environment={"EGRET_PURE": "1"}),
        Tool(OBSERVE, egret("observe", "--jobs", "1"), _said, once=True),
        Tool(FLOOR, lambda paths: ["tcpdump", "-n", "-r", *paths, "-w", "/dev/null", FILTER]),
        Tool("tshark", lambda paths: ["tshark", "-n", *fields, "-r", *paths], _lines, once=True),
        Tool(
            "ndpiReader",
            lambda paths: ["ndpiReader", "-q", "-i", *paths],
            lambda text: text.count("[Hostname/SNI:"),
            counting=lambda paths: ["ndpiReader", "-v", "2", "-i", *paths],
        ),
    ]
    there = [
        tool
        for tool in known
        if (tool.name != PURE or is_compiled()) and (tool.name.startswith(EGRET) or shutil.which(tool.command("x")[0]))
    ]
    return [tool for tool in there if not chosen or tool.name.split(" ", maxsplit=1)[0].rstrip(",") in chosen]


def _seen(text: str) -> int:
    words = text.split("names seen", maxsplit=1)[0].split()
    return int(words[-1]) if words and words[-1].isdigit() else 0


def _said(text: str) -> int:
    """Questions, hellos and requests: what the others print."""
    return sum(text.count(kind) for kind in KINDS)


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def machine() -> dict[str, str]:
    """What the figures were measured on and with."""
    return {
        "date": datetime.fromtimestamp(time.time_ns() // 1_000_000_000, UTC).date().isoformat(),
        "processor": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') >> 30} GB",
        "kernel": platform.release(),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        "Egret": _output("git", "describe", "--always", "--dirty") or "not a checkout",
        "tshark": _word(_output("tshark", "--version"), 3),
        "ndpiReader": _word(_output("ndpiReader", "--version"), 4),
        "tcpdump": _word(_output("tcpdump", "--version"), 3),
    }


class Stolen:
    """How much of the cores' time the host gives to others, from now on (proc_stat(5), of all cores together)."""

    def __init__(self) -> None:
        self._before = self._times()

    @staticmethod
    def _times() -> tuple[int, int]:
        """Ticks of work (user, nice, system, irq, softirq), and stolen ones."""
        path = Path("/proc/stat")
        first = path.read_text(encoding="ascii").splitlines()[0].split()[1:] if path.exists() else []
        user, nice, system, _idle, _wait, irq, softirq, stolen = map(int, (first + ["0"] * 8)[:8])
        return user + nice + system + irq + softirq, stolen

    def share(self) -> float:
        """Of the time that was wanted."""
        worked, stolen = (now - before for now, before in zip(self._times(), self._before, strict=True))
        return stolen / max(worked + stolen, 1)


def _first(path: str, key: str) -> str:
    lines = Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return (run.stdout or run.stderr).strip()


def _word(text: str, number: int) -> str:
    words = text.split()
    return words[number - 1].rstrip(".,") if len(words) >= number else "not there"
