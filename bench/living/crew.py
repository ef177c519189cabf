"""Workers as the daemon has them, on one end of a veth pair; tcpreplay on the other. In namespaces made here (root)."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from egret.settings.catalogue import load_catalog
from egret.sources import afpacket, channel, fanout, kernel_filter
from egret.sources.afpacket import Opened, RingOptions
from egret.sources.channel import Channel, ChannelClosed
from egret.sources.ebpf.loader import load_for
from egret.sources.live import LiveSource
from egret.sources.ring import Geometry
from egret.worker.heap import rest
from egret.worker.pipeline import Pipeline
from egret.worker.process import Worker
from tests.support.live import Namespace, inside

RING_MB = 16  # the default of capture.ring_mb
INSIDE = ("192.0.2.0/24",)


class Sent(NamedTuple):
    """What tcpreplay says."""

    packets: int
    seconds: float


@dataclass
class Heard:
    """What the workers reported."""

    received: int = 0  # frames that passed the filter and came
    dropped: int = 0  # for want of room in a ring
    hits: int = 0
    reports: int = 0
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    cpu_s: float = 0.0

    def add(self, message: dict[str, Any]) -> None:
        report = message.get("report")
        self.hits += "hit" in message
        if report is not None:
            self.reports += 1
            self.received += sum(link["received"] for link in report["links"])
            self.dropped += sum(link["dropped"] for link in report["links"])
            self.counts.update({tuple(row[:-1]): row[-1] for row in report["counts"]})

    def names(self, *kind: str) -> int:
        return self.counts["names", *kind]


class Crew:
    """Workers that read eth0 of *sensor*."""

    def __init__(self, sensor: Namespace, filter_name: str, workers: int) -> None:
        self.heard = Heard()
        self._processes: list[multiprocessing.Process] = []
        self._threads: list[threading.Thread] = []
        young, why = load_for({filter_name})
        assert why is None, why
        shared = fanout.program(INSIDE) if workers > 1 else None
        options = RingOptions(filter=filter_name, geometry=Geometry.of(RING_MB), fanout=shared)
        group = None
        with inside(sensor):
            for _ in range(workers):
                opened = afpacket.open_ring("eth0", options, young, group)
                group = opened.group
                self._start(opened)
                opened.socket.close()
        if young is not None:
            young.close()
        self._await_first_reports()
        self._before_s = sum(map(_cpu_s, self._pids))

    def _start(self, opened: Opened) -> None:
        ours, theirs = channel.pair()
        process = multiprocessing.Process(target=_work, args=(opened, theirs, ours))
        process.start()
        theirs.close()
        thread = threading.Thread(target=self._listen, args=(ours,), daemon=True)
        thread.start()
        self._processes.append(process)
        self._threads.append(thread)

    def _await_first_reports(self) -> None:
        """A worker that has said something has started: what that cost is not part of the measure."""
        end_s = time.monotonic() + 60
        while self.heard.reports < len(self._processes):
            assert time.monotonic() < end_s, "the workers did not start"
            time.sleep(0.05)

    @property
    def _pids(self) -> list[int]:
        return [process.pid for process in self._processes if process.pid is not None]

    def _listen(self, pipe: Channel) -> None:
        try:
            while True:
                if pipe.wait(1.0):
                    received = pipe.receive()
                    if received is not None:
                        self.heard.add(received.message)
        except ChannelClosed:
            pipe.close()

    def stall(self, after_s: float, for_s: float) -> None:
        """Have them stand still for a while, as on a machine that gives its time to others."""

        def signal_all(number: int) -> None:
            for pid in self._pids:
                os.kill(pid, number)

        for wait_s, number in ((after_s, signal.SIGSTOP), (after_s + for_s, signal.SIGCONT)):
            timer = threading.Timer(wait_s, signal_all, [number])
            timer.daemon = True
            timer.start()

    def kill(self) -> None:
        for process in self._processes:
            process.kill()

    def end(self) -> Heard:
        """Let them read what is there and say what they have."""
        time.sleep(1.0)
        self.heard.cpu_s = sum(map(_cpu_s, self._pids)) - self._before_s
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(20)
        for thread in self._threads:
            thread.join(5)
        return self.heard


@contextmanager
def reading(sensor: Namespace, filter_name: str, workers: int = 1) -> Iterator[Crew]:
    with ExitStack() as stack:
        crew = Crew(sensor, filter_name, workers)
        stack.callback(crew.kill)
        yield crew


def _work(opened: Opened, pipe: Channel, other_end: Channel) -> None:
    other_end.close()
    pipeline = Pipeline(load_catalog())
    rest()
    Worker(LiveSource(["eth0"], lambda _: opened), pipeline, pipe).run()


def _cpu_s(pid: int) -> float:
    """By the scheduler's clock: in a small virtual machine the ticks of ``stat`` are far off."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def come_first() -> None:
    """Before everything else that runs, as if little else did; this session and its children.

    By weight, not as real-time processes: those would keep the kernel's own threads from handing over blocks.
    """
    os.nice(-20)
    with suppress(OSError):  # a kernel that does not weigh sessions
        Path("/proc/self/autogroup").write_text("-20", encoding="ascii")


def send(
    sender: Namespace, path: Path, seconds: float | None, rate: int | None = None, extra: Sequence[str] = ()
) -> Sent:
    """Send *path* round and round, or once; as fast as can be, or *rate* packets a second."""
    speed = f"--pps={rate}" if rate else "--topspeed"
    length = ["--loop=0", f"--duration={seconds:g}"] if seconds else []
    command = ["tcpreplay", "-K", speed, *length, *extra, "-i", "eth0", str(path)]
    done = subprocess.run(
        ["ip", "netns", "exec", sender.name, *command],
        capture_output=True,
        text=True,
        timeout=(seconds or 0) + 120,
        check=True,
    )
    found = re.search(r"Actual: (\d+) packets .* sent in ([\d.]+) seconds", done.stdout)
    assert found, done.stdout + done.stderr
    return Sent(int(found[1]), float(found[2]))


FILTER_NAMES = {"classic": kernel_filter.DEFAULT, "ebpf": kernel_filter.YOUNG, "none": kernel_filter.EVERYTHING}
