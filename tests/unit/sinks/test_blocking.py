from __future__ import annotations

import asyncio
import threading

import pytest

from egret.errors import SinkTemporary
from egret.sinks.blocking import OneAtATime
from tests.support.patience import PATIENCE_S, until


def test_calls_run_off_the_loop_and_raise_here() -> None:
    threads = []

    def fail() -> None:
        threads.append(threading.current_thread())
        raise OSError("disk")

    async def run() -> None:
        writer = OneAtATime("test")
        with pytest.raises(OSError, match="disk"):
            await writer.run(fail)
        await writer.run(lambda: threads.append(threading.current_thread()))

    asyncio.run(run())
    assert threading.main_thread() not in threads
    assert all(thread.daemon for thread in threads)


def test_while_one_hangs_the_next_is_refused_and_later_all_is_well() -> None:
    release = threading.Event()

    async def run() -> None:
        writer = OneAtATime("test")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.run(lambda: assert_set(release)), 0.05)
        with pytest.raises(SinkTemporary, match="still hangs"):
            await writer.run(lambda: None)
        release.set()
        await until(lambda: not writer._busy.locked(), "free again")
        await writer.run(lambda: None)

    asyncio.run(run())


def assert_set(event: threading.Event) -> None:
    assert event.wait(PATIENCE_S)


def test_a_loop_that_is_gone_does_not_matter() -> None:
    release, done = threading.Event(), threading.Event()

    def work() -> None:
        release.wait(PATIENCE_S)
        done.set()

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(OneAtATime("test").run(work), 0.05)

    asyncio.run(run())
    release.set()
    assert done.wait(PATIENCE_S)
