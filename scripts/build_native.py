"""Compile the gate (src/egret/worker/native) where there is a compiler; without one Egret does the same in Python.

Called by pip through hatch_build.py, and by hand after a change: python scripts/build_native.py [--if-older]
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import sysconfig
import zlib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = "src/egret/worker/native"
PLACE = "src/egret/worker"
OPTIONS = (
    *("-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-fstack-protector-strong"),
    "-Werror=implicit-function-declaration",  # what is declared nowhere would be missed at the import only
)
STRICT = ("-Wall", "-Wextra", "-Werror")
SANITIZED = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")


class Unbuildable(Exception):
    """There is no compiler, or no Python.h, or the compiler has no use for the source."""


def file_name() -> str:
    """What the compiled module is called for this Python."""
    return f"_gate{sysconfig.get_config_var('EXT_SUFFIX')}"


def fingerprint(sources: Path) -> int:
    """As ``egret.worker.engine`` reckons it: so it knows a gate that was compiled from other sources than lie there."""
    found = 0
    for path in sorted(sources.iterdir()):
        found = zlib.crc32(path.read_bytes(), found)
    return found


def build(root: Path = ROOT, folder: Path | None = None, extra: Sequence[str] = ()) -> Path:
    """Compile into *folder*, beside the Python modules without one.

    Raises:
        Unbuildable: says why.
    """
    target = (folder or root / PLACE) / file_name()
    compiler = shlex.split(os.environ.get("CC") or "cc")
    darwin = ("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()
    include = [f"-I{sysconfig.get_path(kind)}" for kind in ("include", "platinclude")]
    sources = sorted(map(str, (root / SOURCES).glob("*.c")))
    part = target.with_name(target.name + f".{os.getpid()}")  # so that nobody loads half of it
    stamp = f"-DSOURCES={fingerprint(root / SOURCES)}L"
    command = [*compiler, *OPTIONS, *extra, *darwin, *include, stamp, *sources, "-o", str(part)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Unbuildable(f"{compiler[0]}: {error.strerror or error}") from error
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise Unbuildable(errors[0] if errors else f"{compiler[0]} failed")
    part.replace(target)
    return target


def is_newer(root: Path = ROOT) -> bool:
    """Whether what lies beside the modules is newer than its sources."""
    target = root / PLACE / file_name()
    if not target.exists():
        return False
    return all(path.stat().st_mtime < target.stat().st_mtime for path in (root / SOURCES).iterdir())


def main() -> None:
    """Compile it beside the modules that use it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--if-older", action="store_true", help="only if its sources have changed since")
    if parser.parse_args().if_older and is_newer():
        return
    try:
        sys.stdout.write(f"compiled {build().name}\n")
    except Unbuildable as why:
        sys.exit(f"the gate was not compiled and stays in Python: {why}")


if __name__ == "__main__":
    main()
