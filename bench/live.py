"""What a live filter passes, loses and costs: tcpreplay at full speed over a veth pair, in namespaces made here (root).

    python bench/live.py [--seconds S] [--rounds N] [--pps N] [--whole] [WORKLOAD...]

Each workload meets each filter in turn, and nobody at all ("no reader") for the sender's own speed; medians of the
rounds. "sender" is the speed beside that: the filter runs in the sender's time here, so this is what it costs. With
``--whole`` the reader is the whole pipeline (decode, track, match), else it does nothing with a frame.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import workloads
from egret.settings.signatures import load_catalog
from egret.sources import kernel_filter
from egret.sources.afpacket import RingOptions
from egret.sources.ebpf.loader import YoungStreams
from egret.sources.live import open_directly
from egret.sources.ring import Geometry
from egret.worker.heap import rest
from egret.worker.pipeline import Pipeline
from tests.support.live import inside
from tests.support.live_capture import connected

PACKETS = 60_000  # in the file that is sent round and round
RING_MB = 32


def download(chance: random.Random) -> Iterator[bytes]:
    """Full segments from the service."""
    return _bulk(chance, back=True)


def upload(chance: random.Random) -> Iterator[bytes]:
    """Full segments to the service: what a filter without memory cannot tell from the rest of a hello."""
    return _bulk(chance, back=False)


def _bulk(chance: random.Random, *, back: bool) -> Iterator[bytes]:
    while True:
        port, seq = chance.randrange(20_000, 20_400), chance.randrange(1 << 31)
        yield workloads.tcp_segment(0xC0000201, 0xCB007101, port, seq, workloads.ACK, chance.randbytes(1400), back=back)


def datagrams(chance: random.Random) -> Iterator[bytes]:
    """Full datagrams on no known port, with random bytes: what ``classic_dns`` has to look into."""
    while True:
        yield workloads.udp_datagram(0xC0000201, 0xCB007101, 40_000, 4_500, chance.randbytes(1200))


LIVE: dict[str, Callable[[random.Random], Iterator[bytes]]] = {
    "dns": workloads.dns,
    "download": download,
    "upload": upload,
    "datagrams": datagrams,
    "mix": workloads.mix,
}
FILTERS = (None, "classic", "classic_dns", kernel_filter.YOUNG, kernel_filter.EVERYTHING)


class Result(NamedTuple):
    """One run: frames sent, frames that came through, frames the ring had no room for."""

    sent: int
    sent_s: float
    passed: int = 0
    dropped: int = 0
    cpu_s: float = 0.0


def read(filter_name: str, whole: bool, ready: Connection) -> None:
    """The reader's process: until told to stop, then say what came."""
    options = RingOptions(filter=filter_name, geometry=Geometry.of(RING_MB))
    young = YoungStreams() if filter_name in kernel_filter.FLOOR else None
    source = open_directly(["eth0"], options, young)
    pipeline = Pipeline(load_catalog()) if whole else None
    ready.send("ready")
    before, passed = _cpu_s(), 0
    sluice = pipeline.gate.sluice if pipeline else None
    rest()
    while True:
        for frame in source.read(0.05, sluice):
            passed += 1
            if pipeline is not None:
                pipeline.feed(frame)
        if ready.poll():
            break
    ready.send((passed, sum(each.dropped for each in source.statistics()), _cpu_s() - before))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(path: Path, filter_name: str | None, options: argparse.Namespace) -> Result:
    """Send *path* while a reader with *filter_name* listens."""
    with connected() as (sensor, sender):
        speed, seconds = f"--pps={options.pps}" if options.pps else "--topspeed", options.seconds
        command = ["tcpreplay", "-K", speed, "--loop=0", f"--duration={seconds:g}", "-i", "eth0", str(path)]
        send = ["ip", "netns", "exec", sender.name, *command]
        if filter_name is None:
            return Result(*_send(send, seconds))
        ours, theirs = multiprocessing.Pipe()
        reader = multiprocessing.Process(target=read, args=(filter_name, options.whole, theirs))
        with inside(sensor):
            reader.start()
        try:
            assert ours.poll(30), "the reader did not start"
            ours.recv()
            sent = _send(send, seconds)
            time.sleep(0.3)
            ours.send("stop")
            assert ours.poll(60), "the reader did not stop"
            return Result(*sent, *ours.recv())
        finally:
            reader.kill()
            reader.join()


def _send(command: list[str], seconds: float) -> tuple[int, float]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    found = re.search(r"Actual: (\d+) packets .* sent in ([\d.]+) seconds", done.stdout)
    assert found, done.stdout + done.stderr
    return int(found[1]), float(found[2])


def report(workload: str, rounds: dict[str | None, list[Result]]) -> None:
    """A line a filter: medians."""
    alone = statistics.median(each.sent / each.sent_s for each in rounds[None])
    print(f"\n{workload}: {alone / 1000:.0f} thousand packets a second without a reader")
    print(f"  {'filter':14}{'sent k/s':>9}{'sender':>8}{'passed':>9}{'dropped':>9}{'reader CPU':>12}{'us a frame':>12}")
    for name, runs in rounds.items():
        if name is not None:
            print(_line(name, alone, runs))


def _line(name: str, alone: float, runs: list[Result]) -> str:
    def middle(value: Callable[[Result], float]) -> float:
        return statistics.median(map(value, runs))

    speed = middle(lambda run: run.sent / run.sent_s)
    came = middle(lambda run: (run.passed + run.dropped) / run.sent)
    dropped = middle(lambda run: run.dropped / run.sent)
    share, each_us = middle(lambda run: run.cpu_s / run.sent_s), middle(lambda run: 1e6 * run.cpu_s / (run.passed or 1))
    each = f"{each_us:>11.1f}" if came > 0.0005 else f"{'':>11}"
    return f"  {name:14}{speed / 1000:>9.0f}{speed / alone:>8.2f}{came:>9.2%}{dropped:>9.2%}{share:>11.1%} {each}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workloads", nargs="*", default=list(LIVE))
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--pps", type=int, help="send this many packets a second, not as many as possible")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="the reader is the whole pipeline")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.workloads:
            path = Path(folder) / f"{name}.pcap"
            workloads.write_frames(path, islice(LIVE[name](random.Random(name)), PACKETS))
            rounds: dict[str | None, list[Result]] = {each: [] for each in FILTERS}
            for _ in range(options.rounds):
                for each in FILTERS:
                    rounds[each].append(run(path, each, options))
            report(name, rounds)


if __name__ == "__main__":
    main()
