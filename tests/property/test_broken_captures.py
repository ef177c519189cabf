"""Whatever happened to a capture: names or one error that says where, soon, in little memory. All of it: bench/broken.py."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from egret.errors import SourceError
from egret.sources.files import open_capture
from egret.track.observer import Observer
from tests.support.broken import broken, forged

COUNT = 120
ENOUGH_S = 10  # of this process alone: on a loaded machine it waits for others
MAX_MEMORY = 64 << 20


def observed(path: Path) -> tuple[int, str | None]:
    """How many events, and what was wrong with the file."""
    observer, events = Observer(), 0
    try:
        with closing(open_capture(str(path))) as source:
            for frame in source.frames():
                events += len(observer.feed(frame))
    except SourceError as error:
        return events, str(error)
    finally:
        events += len(observer.flush())
    return events, None


def test_changed_captures(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    for number, data in enumerate(broken(COUNT)):
        path.write_bytes(data)
        started = time.process_time()
        _, error = observed(path)
        assert time.process_time() - started < ENOUGH_S, number
        assert error is None or error.startswith(str(path)), number


@pytest.mark.parametrize(("name", "data"), forged().items(), ids=list(forged()))
def test_forged_captures(name: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(data)
    started = time.process_time()
    tracemalloc.start()
    observed(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - started < ENOUGH_S, name
    assert peak < MAX_MEMORY, name
