"""Memory under floods, which must stay under 150 MB, with what fell out counted.

    python bench/floods.py [--count N] [FLOOD...]

Each flood goes through an observer in a process of its own. "all at once" is also written to a file, 7 KB for each of
N (some 2 GB at most), which ``egret replay`` reads with the compiled gate and without. From 60,000 on the tables are
full. Full size is ten million for one flood (``--count 10000000``), which takes minutes. Their times are 20 us apart.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from egret.track.observer import Observer
from tests.support.floods import FLOODS, flood, write_flood

LIMIT_MB = 150
PURE_LIMIT_MB = 190  # in Python what is remembered of decided connections takes four times as much: ADR 60
ALL = "all at once"
MOST_IN_A_FILE = 300_000
REPLAYS = {"compiled": ("0", LIMIT_MB), "pure Python": ("1", PURE_LIMIT_MB)}  # EGRET_PURE, and what it may take


def one(name: str, count: int) -> bool:
    """Run one flood here; whether it stayed within bounds."""
    observer, events, frames = Observer(), 0, 0
    started = time.monotonic()
    for frame in flood(name, count):
        events += len(observer.feed(frame))
        frames += 1
    took = time.monotonic() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counters = observer.counters
    evicted = {table: number for table, number in counters.evictions.items() if number}
    print(
        f"{name:28}{frames:>10} frames{frames / took:>9.0f}/s{peak_mb:>6.0f} MB{events:>10} events  evicted {evicted}"
    )
    return peak_mb < LIMIT_MB


def replayed(capture: Path, pure: str) -> float:
    """The peak memory of ``egret replay`` in MB."""
    command = [sys.executable, "-m", "egret", "replay", "--jobs", "1", str(capture)]
    process = subprocess.Popen(command, env={**os.environ, "EGRET_PURE": pure}, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"egret replay failed: {process.returncode}")
    return used.ru_maxrss / 1024


def all_replayed(count: int) -> list[str]:
    """Replay all floods mixed; which gates went beyond what they may."""
    above = []
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "floods.pcap"
        write_flood(capture, ALL, min(count, MOST_IN_A_FILE))
        for gate, (pure, limit_mb) in REPLAYS.items():
            peak_mb = replayed(capture, pure)
            print(f"egret replay, {gate:14}{capture.stat().st_size >> 20:>10} MB of all floods{peak_mb:>12.0f} MB")
            if peak_mb >= limit_mb:
                above.append(f"egret replay, {gate}")
    return above


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("floods", nargs="*", default=list(FLOODS))
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--here", action="store_true", help="in this process; for one flood only")
    options = parser.parse_args()
    if options.here:
        sys.exit(0 if one(options.floods[0], options.count) else 1)
    command = [sys.executable, __file__, "--here", "--count", str(options.count)]
    failed = [name for name in options.floods if subprocess.run([*command, name], check=False).returncode]
    if ALL in options.floods:
        failed += all_replayed(options.count)
    sys.exit(f"above what they may take: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
