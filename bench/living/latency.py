"""From packet to alert: new incidents through the daemon as a user runs it, while look-ups fill the line."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench import workloads
from bench.soaking.place import FAR, WATCHED, Daemon, copy_config, enter_namespaces, furnish
from bench.soaking.traffic import NAMES
from tests.support.world.addresses import write_database
from tests.support.world.watch import give_to_daemon

CONFIG = """
capture: {{interfaces: [{watched}], workers: {workers}}}
networks: {{inside: [192.0.2.0/24]}}
clients: {{discover: false, neighbours: false}}
geoip: {{databases: [{folder}/world.mmdb], geolocate_reserved: true}}
outputs: {{terminal: {{enabled: false}}, file: {{path: "{folder}/state/alerts.jsonl", min_severity: info}}}}
"""
_RESOLVER, _CLIENT = 0xC6336435, 0xC0000200
_METRIC = "egret_alert_latency_seconds"


class Latency(NamedTuple):
    """What the histogram says."""

    alerts: int
    mean_s: float
    p50_s: float  # upper bounds of the buckets
    p99_s: float
    dropped: int


def measure(load: int, alerts: int, rate: float, workers: int = 1) -> Latency:
    """Open *alerts* incidents, *rate* a second, beside *load* look-ups a second; inside namespaces of its own."""
    with tempfile.TemporaryDirectory(prefix="egret-latency-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "state").mkdir()
        give_to_daemon(folder / "state")
        write_database(folder / "world.mmdb")
        copy_config(folder / "egret.yaml", CONFIG.format(watched=WATCHED, folder=folder, workers=workers))
        workloads.write_frames(folder / "load.pcap", _ordinary())
        daemon = Daemon(folder / "egret.yaml", folder / "state", folder / "log")
        daemon.start()
        try:
            with _sending(folder / "load.pcap", load, alerts / rate + 2):
                time.sleep(1)
                _open_incidents(alerts, rate)
                time.sleep(1)
            return _read(daemon.get("/metrics"))
        finally:
            daemon.stop()


def _ordinary() -> list[bytes]:
    """Look-ups that no signature names."""
    chance = random.Random("latency")
    return list(islice((frame for frame in workloads.dns(chance) if not _is_flagged(frame)), 60_000))


def _is_flagged(frame: bytes) -> bool:
    return any(name.split(".")[-2].encode() in frame for name in workloads.FLAGGED)


def _sending(path: Path, rate: int, seconds: float) -> subprocess.Popen[bytes]:
    command = ["tcpreplay", "-K", f"--pps={rate}", "--loop=0", f"--duration={seconds:.0f}", "-i", FAR, str(path)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _open_incidents(number: int, rate: float) -> None:
    """One question each, of a client and a service that were not seen together."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((FAR, 0))
        begin_s = time.monotonic()
        for each in range(number):
            client, name = _CLIENT | 1 + each // len(NAMES) % 250, NAMES[each % len(NAMES)]
            question = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + workloads.labels(name) + b"\0\1\0\1"
            sender.send(workloads.udp_datagram(client, _RESOLVER, 20_000 + each, 53, question))
            time.sleep(max(0.0, begin_s + (each + 1) / rate - time.monotonic()))


def _read(text: str) -> Latency:
    values = {
        key: float(value) for key, value in (line.rsplit(" ", 1) for line in text.splitlines() if line[:1] != "#")
    }
    count = int(values[f"{_METRIC}_count"])
    dropped = sum(value for key, value in values.items() if key.startswith("egret_packets_dropped_total"))
    mean_s = values[f"{_METRIC}_sum"] / max(1, count)
    return Latency(count, mean_s, _quantile(values, count, 0.5), _quantile(values, count, 0.99), int(dropped))


def _quantile(values: dict[str, float], count: int, share: float) -> float:
    """The upper bound of the bucket in which it lies."""
    start = f'{_METRIC}_bucket{{le="'
    bounds = {float(key[len(start) : -2]): value for key, value in values.items() if key.startswith(start)}
    return min((bound for bound, number in bounds.items() if number >= share * count), default=float("inf"))


def main() -> None:
    """One JSON line for each load that the command line names."""
    if "--inside" not in sys.argv:
        enter_namespaces()
    furnish()
    for load in (int(each) for each in sys.argv[1:] if each.isdigit()):
        print(json.dumps({"load": load, **measure(load, 400, 25)._asdict()}), flush=True)


if __name__ == "__main__":
    main()
