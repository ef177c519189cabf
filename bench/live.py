"""Live capture: what workers keep up with, what each kernel filter passes, loses and costs, how late alerts are (root).

    python bench/live.py [--seconds S] [--long S] [--rounds N] [--rate N] [--stall S] [--first]
                         [--write PAGE] [TRAFFIC...]

Real workers (``egret.worker.process``) on one end of a veth pair, tcpreplay on the other, in namespaces made here, with
offloads off. ``dns`` is sent at --rate, what else there is as fast as can be; each round of its file comes from other
addresses. Each traffic meets each filter in turn, and nobody at all: the filter runs in the sender's time, so "sender",
its speed beside that alone, is what the filter costs. ``dns`` and ``mix`` meet two workers as well. Medians of the
rounds. ``latency`` runs the whole daemon. With --stall workers stand still for a while, a third into each run: whether
they catch up is then in what they drop.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import workloads
from bench.living.crew import FILTER_NAMES, Heard, Sent, come_first, reading, send
from bench.living.page import HEAD, Row, cells, page
from bench.measure import Stolen, machine
from tests.support.live_capture import connected

PACKETS = {"dns": 400_000}  # in the file that is sent round and round
_PACKETS = 60_000
LOADS = (1_000, 20_000, 100_000, 200_000)
_BEST = "ebpf"
_BEGINNINGS = "beginnings.pcap"
_TLS, _QUIC_V1 = b"\x16\x03", b"\0\0\0\1"
_TCP, _INITIAL = 6, 0xC0
_ENDS, _PORTS = (0xC0000201, 0xCB007101), (20_000, 20_400)


def _hellos(heard: Heard) -> int:
    return heard.names("tls", "client_hello") + heard.names("quic", "client_hello")


def _look_ups(heard: Heard) -> int:
    return heard.names("dns", "query") + heard.names("dns", "answer")


class Traffic(NamedTuple):
    """What is sent, and which of it says a name that must be heard."""

    frames: Callable[[random.Random], Iterator[bytes]]
    says: Callable[[bytes], bool] | None = None
    heard: Callable[[Heard], int] = _hellos
    is_paced: bool = False  # at --rate
    workers: Sequence[int] = (1,)


def download(chance: random.Random) -> Iterator[bytes]:
    """Full segments from the service."""
    return _bulk(chance, back=True)


def upload(chance: random.Random) -> Iterator[bytes]:
    """Full segments to the service: what a filter without memory cannot tell from the rest of a hello."""
    return _bulk(chance, back=False)


def _bulk(chance: random.Random, *, back: bool) -> Iterator[bytes]:
    """Of 400 connections, far behind their beginnings."""
    while True:
        port, seq = chance.randrange(*_PORTS), chance.randrange(1 << 20, 1 << 31)
        yield workloads.tcp_segment(*_ENDS, port, seq, workloads.ACK, chance.randbytes(1400), back=back)


def beginnings() -> Iterator[bytes]:
    """And these: sent once, before anything is counted."""
    for port in range(*_PORTS):
        yield workloads.tcp_segment(*_ENDS, port, 0, workloads.SYN)
        yield workloads.tcp_segment(*_ENDS, port, 1, workloads.ACK, b"SSH-2.0-bench\r\n")


def hello_begins() -> Callable[[bytes], bool]:
    """Asked of each frame in turn: does a client's hello begin here? By TLS record, or Initial of a new connection."""
    known: set[bytes] = set()

    def begins(frame: bytes) -> bool:
        if frame[23] == _TCP:
            return frame[54:56] == _TLS
        if frame[42] & 0xF0 != _INITIAL or frame[43:47] != _QUIC_V1:
            return False
        dcid, rest = frame[48 : 48 + frame[47]], frame[48 + frame[47] :]
        is_new = dcid not in known
        known.update((dcid, rest[1 : 1 + rest[0]]))  # what the server is called by is the client's next
        return is_new and bool(dcid)

    return begins


TRAFFIC = {
    "dns": Traffic(workloads.dns, lambda _: True, _look_ups, is_paced=True, workers=(1, 2)),
    "download": Traffic(download),
    "upload": Traffic(upload),
    "mix": Traffic(workloads.mix, hello_begins(), _hellos, workers=(1, 2)),
}


class Options(NamedTuple):
    """How it is measured."""

    seconds: float = 5.0
    rounds: int = 1
    rate: int = 200_000
    stall_s: float = 0.0  # that the workers stand still
    long_s: float = 30.0  # for what is paced, through the best filter, on one worker


def rows(names: Sequence[str], options: Options) -> Iterator[Row]:
    """Measure each traffic by name, filter by filter."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            traffic = TRAFFIC[name]
            frames = list(islice(traffic.frames(random.Random(name)), PACKETS.get(name, _PACKETS)))
            marks = list(map(traffic.says or (lambda _: False), frames))
            if marks[-1]:  # what begins in the last frame may lack its rest
                del frames[-1], marks[-1]
            path = Path(folder) / f"{name}.pcap"
            workloads.write_frames(path, frames)
            workloads.write_frames(path.with_name(_BEGINNINGS), beginnings())
            said = [0, *accumulate(marks)]
            del frames
            alone = None if traffic.is_paced else _alone(path, traffic, options.seconds)
            for workers in traffic.workers:
                for each in FILTER_NAMES if workers == 1 else (_BEST,):
                    runs = [_run(path, traffic, each, workers, options) for _ in range(options.rounds)]
                    yield _row(name, each, workers, alone, said, runs)


def _alone(path: Path, traffic: Traffic, seconds: float) -> float:
    with connected() as (_, sender):
        sent = send(sender, path, seconds, extra=_extra(traffic))
        return sent.packets / sent.seconds


def _extra(traffic: Traffic) -> Sequence[str]:
    """What is named is named anew in each round of the file; bulk goes on."""
    return ["--unique-ip"] if traffic.says else []


def _run(path: Path, traffic: Traffic, name: str, workers: int, options: Options) -> tuple[Sent, Heard, int]:
    rate = options.rate if traffic.is_paced else None
    is_long = traffic.is_paced and name == _BEST and workers == 1
    with connected() as (sensor, sender), reading(sensor, FILTER_NAMES[name], workers) as crew:
        if traffic.says is None:
            send(sender, path.with_name(_BEGINNINGS), None)
        if options.stall_s:
            crew.stall(options.seconds / 3, options.stall_s)
        sent = send(sender, path, options.long_s if is_long else options.seconds, rate, _extra(traffic))
        heard = crew.end()
        return sent, heard, traffic.heard(heard)


def _row(
    name: str, kind: str, workers: int, alone: float | None, said: list[int], runs: list[tuple[Sent, Heard, int]]
) -> Row:
    def middle(value: Callable[[Sent, Heard, int], float]) -> float:
        return statistics.median(value(*each) for each in runs)

    def share(sent: Sent, _heard: Heard, names: int) -> float:
        rounds, rest = divmod(sent.packets, len(said) - 1)
        return names / (rounds * said[-1] + said[rest])

    speed = middle(lambda sent, _heard, _names: sent.packets / sent.seconds)
    return Row(
        traffic=name,
        filter=kind,
        workers=workers,
        seconds=runs[0][0].seconds,
        sent=speed,
        sender=speed / alone if alone else None,
        passed=middle(lambda sent, heard, _: (heard.received + heard.dropped) / sent.packets),
        dropped=sum(heard.dropped for _, heard, _ in runs),
        cpu=middle(lambda sent, heard, _: heard.cpu_s / sent.seconds),
        names=middle(share) if said[-1] else None,
    )


def latency(loads: Sequence[int]) -> list[dict[str, float]]:
    """From packet to alert beside so many look-ups a second: entries as ``bench/living/latency.py`` prints it."""
    script = Path(__file__).parent / "living" / "latency.py"
    command = [sys.executable, str(script), *map(str, loads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("traffic", nargs="*", default=[*TRAFFIC, "latency"], metavar="TRAFFIC")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--long", type=float, default=30, help="seconds of dns through the best filter on one worker")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--rate", "--dns", type=int, default=200_000, help="packets a second of dns")
    parser.add_argument("--stall", type=float, default=0.0, help="seconds for which workers stand still in each run")
    parser.add_argument("--first", action="store_true", help="on a busy machine: before everything else that runs")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    given = parser.parse_args()
    surroundings, stolen = machine(), Stolen()
    if given.first:
        come_first()
    print("".join(f"{each:>11}" for each in HEAD))
    options, found = Options(given.seconds, given.rounds, given.rate, given.stall, given.long), list[Row]()
    for row in rows([each for each in given.traffic if each != "latency"], options):
        found.append(row)
        print("".join(f"{each:>11}" for each in cells(row)), flush=True)
    late = latency(LOADS) if "latency" in given.traffic else []
    print(*late, sep="\n")
    surroundings["taken by the host"] = f"{stolen.share():.0%}"
    if given.write:
        given.write.write_text(page(found, late, surroundings, given.rate), encoding="utf-8")


if __name__ == "__main__":
    main()
