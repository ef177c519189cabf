"""Runs visits: the hosts side by side, each host's visits in their order."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.support.world.namespaces import WorldError
from tests.support.world.visits import Visit, fill
from tests.support.world.world import World

VISIT_S = 120.0  # what a client has itself is less


class Done(NamedTuple):
    """A visit that was made; times are Unix nanoseconds."""

    visit: Visit
    began_ns: int
    ended_ns: int
    output: str


def visit_all(world: World, visits: Sequence[Visit]) -> list[Done]:
    """Make all *visits*; WorldError if a client ended otherwise than it should."""
    by_host: dict[str, list[Visit]] = {}
    for visit in visits:
        by_host.setdefault(visit.host.name, []).append(visit)
    with ThreadPoolExecutor(len(by_host)) as pool:
        return [done for row in pool.map(lambda group: _in_order(world, group), by_host.values()) for done in row]


def _in_order(world: World, visits: Iterable[Visit]) -> list[Done]:
    return [make(world, visit) for visit in visits]


_BESIDE = ("nice", "-n", "19")  # a client has a processor of its own: a browser's start is not the sensor's to wait for


def make(world: World, visit: Visit) -> Done:
    """Make one visit and wait for its end."""
    with tempfile.TemporaryDirectory(dir=world.folder, ignore_cleanup_errors=True) as folder:
        arguments = [fill(argument, world.identity, Path(folder)) for argument in visit.arguments]
        began = time.time_ns()
        done = subprocess.run(
            world.hosts[visit.host.name].inside([*_BESIDE, *arguments]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=VISIT_S,
            check=False,
            env={**os.environ, "HOME": folder},
        )
    output = done.stdout + done.stderr
    if done.returncode not in visit.exit_codes:
        raise WorldError(f"{' '.join(arguments)}: exit {done.returncode}\n{output[-2000:]}")
    return Done(visit, began, time.time_ns(), output)
