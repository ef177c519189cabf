from __future__ import annotations

import asyncio
import threading

import pytest

from egret.errors import SinkTemporary
from egret.sinks.blocking import OneAtATime


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
        for _ in range(200):
            await asyncio.sleep(0.01)
            try:
                return await writer.run(lambda: None)
            except SinkTemporary:
                continue
        raise AssertionError("never free again")

    asyncio.run(run())


def assert_set(event: threading.Event) -> None:
    assert event.wait(10)


def test_a_loop_that_is_gone_does_not_matter() -> None:
    release, done = threading.Event(), threading.Event()

    def work() -> None:
        release.wait(10)
        done.set()

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(OneAtATime("test").run(work), 0.05)

    asyncio.run(run())
    release.set()
    assert done.wait(10)
