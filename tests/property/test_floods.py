"""Floods of things to remember: every table keeps its bound, and counts what fell out. Full size: bench/floods.py."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from egret.track.limits import Limits
from egret.track.observer import Observer
from egret.value import replace
from tests.support.floods import FLOODS, flood

COUNT = 3_000
SCALE = 128  # the bounds are as much smaller as the flood is
TIMES = {"flow_bytes", *(name for name in Limits.__struct_fields__ if name.endswith("_s"))}
BOUNDS = {name: getattr(Limits(), name) for name in Limits.__struct_fields__ if name not in TIMES}
SCALED: dict[str, Any] = {name: bound // SCALE for name, bound in BOUNDS.items() if isinstance(bound, int)}
SMALL = replace(Limits(), **SCALED)
GENERATIONS = 2  # of what is remembered in two: decided, late_hellos, duplicates
EVICTED: dict[str, set[str]] = {
    "questions": set(),  # only the memory for copies of messages, which is not counted
    "answers": {"answers"},
    "handshakes": {"flows"},
    "half hellos": {"flows"},
    "hellos with holes": {"flows"},
    "requests": {"decided", "http_flows"},
    "fragments": set(),  # their bounds are the reassembler's own, and do not scale
    "connection ids": set(),  # what no keys open is not kept
    "connection ids of one pair": set(),
    "half hellos in QUIC": {"quic_flows"},
    "DNS over TCP": {"dns_streams"},
    "DTLS hellos": {"dtls_flows"},
    "preludes": {"flows"},
    "all at once": {"flows", "quic_flows", "dtls_flows", "dns_streams", "http_flows"},
}
MAX_MEMORY = 16 << 20
ALL = "all at once"
MAX_OF_ALL = 2 << 20  # a 128th of what 150 MB leave for tables is 1 MB; fragments do not scale
BUSIEST = ["half hellos", "requests", "fragments", "DTLS hellos"]


@pytest.mark.parametrize("name", FLOODS)
def test_tables_keep_their_bounds(name: str) -> None:
    observer = Observer(SMALL)
    for frame in flood(name, COUNT):
        observer.feed(frame)
    tracked = observer.counters.tracked
    bounds = {table: GENERATIONS * getattr(SMALL, table) for table in tracked if hasattr(SMALL, table)}
    assert {table: number for table, number in tracked.items() if number > bounds.get(table, COUNT)} == {}
    assert all(observer.counters.evictions[table] for table in EVICTED[name])


@pytest.mark.parametrize("name", BUSIEST)
def test_memory_is_bounded(name: str) -> None:
    assert peak(name, COUNT // 2) < MAX_MEMORY


def test_all_floods_at_once_are_bounded() -> None:
    """Short form of ``bench/floods.py``; of each flood three times what its tables hold."""
    for frame in flood(ALL, 10):
        Observer(SMALL).feed(frame)  # what is imported with the first of a kind
    assert peak(ALL, COUNT // 10) < MAX_OF_ALL


def peak(name: str, count: int) -> int:
    """Bytes that a flood of so many makes Python ask for at the most."""
    observer = Observer(SMALL)
    tracemalloc.start()
    for frame in flood(name, count):
        observer.feed(frame)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.slow
def test_a_replay_of_all_floods_stays_within_bounds(repository: Path) -> None:
    """A file whose tables are not full yet; ``bench/floods.py`` takes minutes for one that fills them.

    The kernel counts a process no less than the one that it was forked from: so a small one forks it.
    """
    command = [sys.executable, "bench/floods.py", ALL, "--count", str(COUNT // 2)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("egret replay")) == (0, 2), done.stdout + done.stderr
