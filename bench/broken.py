"""Broken captures through ``egret observe``: no crash, no hang, no traceback, and an exit code of 0, 1 or 2.

    python bench/broken.py [--count N] [--seed N]

The captures are made by tests/support/broken.py, from the seed. Each is a process of its
own, with ten seconds of processor time.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.broken import broken, forged

_ENOUGH_S = 10
_PATIENCE_S = 60


def observe(path: Path) -> tuple[str, float]:
    """How it ended, and after how many seconds of processor time: the machine may be busy with other things."""
    command = [sys.executable, "-m", "egret", "observe", "--flows", "--anomalies", str(path)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    try:
        out = subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        return "hang", _PATIENCE_S
    took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    if b"Traceback" in out.stderr or out.returncode not in {0, 1, 2}:
        return "crash", took
    return ("hang" if took > _ENOUGH_S else f"exit {out.returncode}"), took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=650)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ends: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.pcap"
        named = {f"changed {number}": data for number, data in enumerate(broken(options.count, options.seed))}
        for name, data in {**named, **forged()}.items():
            path.write_bytes(data)
            end, took = observe(path)
            ends[end] += 1
            slowest = max(slowest, took)
            if end in {"hang", "crash"}:
                print(f"{name}: {end}", flush=True)
    print(f"{ends.total()} captures: {dict(ends)}, the slowest {slowest:.1f} s")
    sys.exit(1 if ends["hang"] or ends["crash"] else 0)


if __name__ == "__main__":
    main()
