"""Memory under floods: each in a process of its own, which must stay under 300 MB and count what it evicts.

    python bench/floods.py [--count N] [FLOOD...]

Full size is ten million (``--count 10000000``), which takes minutes a flood. Their times are 20 us apart.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from egret.track.observer import Observer
from tests.support.floods import FLOODS, flood

LIMIT_MB = 300


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
    sys.exit(f"above {LIMIT_MB} MB: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
