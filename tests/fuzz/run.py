"""Fuzz every target for some seconds with atheris, on all cores: ``make fuzz SECONDS_EACH=60``.

A finding is written to tests/fuzz/corpus/<target>/crash-*.bin, where pytest replays it from then on.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
GRACE_S = 60  # libFuzzer stops by itself; this is for a target that hangs


def one(name: str, seconds: int) -> None:
    """Fuzz one target in this process; does not return."""
    import atheris

    with atheris.instrument_imports(include=["egret"]):
        from tests.fuzz.targets import attempt
    corpus = HERE / "corpus" / name
    new = HERE / ".new" / name
    new.mkdir(parents=True, exist_ok=True)
    arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"]
    arguments += [f"-artifact_prefix={corpus}/", "-print_final_stats=1", "-verbosity=0", str(new), str(corpus)]
    atheris.Setup(arguments, lambda data: attempt(name, data))
    atheris.Fuzz()


def fuzz(name: str, seconds: int) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own, to its end."""
    command = [sys.executable, __file__, "--inside", "--target", name, "--seconds", str(seconds)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE_S, check=False)


def told(name: str, done: subprocess.CompletedProcess[str]) -> bool:
    """Print how one target fared; whether it failed."""
    runs = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
    print(f"{name:14} {runs:>9} runs  {'FAILED' if done.returncode else 'ok'}", flush=True)
    if done.returncode:
        print(done.stderr[-3000:])
    return bool(done.returncode)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", help="only this one")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        one(options.target, options.seconds)
    from tests.fuzz.targets import TARGETS

    names = [options.target] if options.target else list(TARGETS)
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, done in zip(names, pool.map(lambda each: fuzz(each, options.seconds), names), strict=True):
            failed += told(name, done)
    print(f"{failed} failed" if failed else "no finding")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
