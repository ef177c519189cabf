"""``make bench``: Egret beside what Debian has, on the same files in one run, interleaved; medians and ratios.

The floor is tcpdump reading the file and writing what a filter of ports passes. What each tool found is printed beside
its time, so that nobody is fast by missing names. Times of one machine say little; the ratios say more.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.workloads import WORKLOADS, write

SNI, HOST, QUERY = "tls.handshake.extensions_server_name", "http.host", "dns.qry.name"
FILTER = "udp port 53 or (tcp[tcpflags] & (tcp-syn|tcp-fin) != 0) or (tcp dst port 443 and greater 60)"


@dataclass
class Tool:
    """One command, and how to count the names in what it printed."""

    name: str
    command: Callable[[str], Sequence[str]]
    found: Callable[[str], int] | None = None
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_mb: int = 0
    names: int | None = None

    def run(self, path: str) -> None:
        with tempfile.TemporaryFile("w+") as output:
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            process = subprocess.Popen(self.command(path), stdout=output, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.wall_s.append(time.perf_counter() - began)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.cpu_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            self.peak_mb = max(self.peak_mb, usage.ru_maxrss // 1024)
            if self.found is not None and self.names is None:
                output.seek(0)
                self.names = self.found(output.read())


def tools(chosen: Sequence[str]) -> list[Tool]:
    tshark = [
        "tshark",
        "-n",
        "-T",
        "fields",
        "-e",
        SNI,
        "-e",
        QUERY,
        "-e",
        HOST,
        "-Y",
        f"{SNI} or dns.flags.response == 0",
        "-r",
    ]
    known = [
        Tool(
            "egret",
            lambda path: [sys.executable, "-m", "egret", "replay", path],
            lambda text: _number(text, "names seen"),
        ),
        Tool("egret observe", lambda path: [sys.executable, "-m", "egret", "observe", path], _lines),
        Tool("tcpdump (floor)", lambda path: ["tcpdump", "-n", "-r", path, "-w", "/dev/null", FILTER]),
        Tool("tshark", lambda path: [*tshark, path], _lines),
        Tool("ndpiReader", lambda path: ["ndpiReader", "-q", "-i", path]),
    ]
    there = [tool for tool in known if tool.name.startswith("egret") or shutil.which(tool.command("x")[0])]
    return [tool for tool in there if not chosen or tool.name.split()[0] in chosen]


def _number(text: str, before: str) -> int:
    words = text.split(before, maxsplit=1)[0].split()
    return int(words[-1]) if words and words[-1].isdigit() else 0


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def compare(workload: str, packets: int, rounds: int, chosen: Sequence[str], folder: Path) -> None:
    path = folder / f"{workload}.pcap"
    size = write(path, workload, packets)
    running = tools(chosen)
    for _ in range(rounds):
        for tool in running:
            tool.run(str(path))
    base = statistics.median(running[0].wall_s)
    print(f"\n{workload}: {packets:,} packets, {size / 1e6:.0f} MB, median of {rounds}")
    print(f"{'':16} {'packets/s':>12} {'CPU s':>8} {'peak MB':>8} {'names':>9} {'time / egret':>13}")
    for tool in running:
        wall = statistics.median(tool.wall_s)
        names = "" if tool.names is None else f"{tool.names:,}"
        cpu = statistics.median(tool.cpu_s)
        print(f"{tool.name:16} {packets / wall:12,.0f} {cpu:8.2f} {tool.peak_mb:8} {names:>9} {wall / base:13.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=200_000, help="in each file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workload", action="append", choices=sorted(WORKLOADS), help="only these")
    parser.add_argument("--tool", action="append", default=[], help="only these: egret, tcpdump, tshark, ndpiReader")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="egret-bench-") as folder:
        for workload in options.workload or WORKLOADS:
            compare(workload, options.packets, options.rounds, options.tool, Path(folder))


if __name__ == "__main__":
    main()
