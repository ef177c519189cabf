"""Blocking writes off the event loop, one at a time.

A write can hang (a full pipe, a dead network file system) and cannot be cancelled. It hangs in a thread
of its own, which does not keep the process from ending; while it does, the next attempt is refused, so
that no line is ever written twice at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from egret.errors import SinkTemporary


class OneAtATime:
    """Runs blocking calls of one sink."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = threading.Lock()

    async def run(self, call: Callable[[], None]) -> None:
        """Run *call* in a thread and wait for it; what it raises is raised here.

        Raises:
            SinkTemporary: the call before this one still hangs.
        """
        if not self._busy.acquire(blocking=False):
            raise SinkTemporary("the write before this one still hangs")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        threading.Thread(target=self._work, args=(call, loop, done), name=self._name, daemon=True).start()
        await done

    def _work(self, call: Callable[[], None], loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
        error: BaseException | None = None
        try:
            call()
        except Exception as caught:  # noqa: BLE001 - carried over to the loop, raised there
            error = caught
        finally:
            self._busy.release()
        try:
            loop.call_soon_threadsafe(_settle, done, error)
        except RuntimeError:  # the loop is gone: nobody waits
            return


def _settle(done: asyncio.Future[None], error: BaseException | None) -> None:
    if done.done():  # cancelled by a timeout
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
