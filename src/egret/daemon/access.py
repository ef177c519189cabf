"""Writes down who looks at the page and the API: beside the incidents, and as a log line."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from egret.alerts.veil import CLEAR, Veil
from egret.store.access import EVERYONE, AccessLog, Purpose
from egret.telemetry import Telemetry

EVERY_S = 60.0  # a page that refreshes itself is written down this often: each time is a commit
MAX_LOOKERS = 1_000

Disk = Callable[[Callable[[], object]], Awaitable[object]]


class AccessWatch:
    """Hears of looks.

    Args:
        log: where they are kept.
        disk: does work in the store's thread.
        telemetry: gets a line for each new row.
        veil: whose pseudonyms stand for addresses here too.
    """

    def __init__(self, log: AccessLog, disk: Disk, telemetry: Telemetry, veil: Veil = CLEAR) -> None:
        self._log, self._disk, self._telemetry, self._veil = log, disk, telemetry, veil
        self._noted_s: dict[tuple[str, Purpose, str], float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def looked(self, who: str, what: Purpose, client: str = EVERYONE) -> None:
        """Somebody looked; never blocks. Needs a running event loop."""
        if client != EVERYONE:
            client = self._veil.address(client)
        key, now_s = (who, what, client), time.monotonic()
        if now_s - self._noted_s.get(key, -EVERY_S) < EVERY_S:
            return
        if len(self._noted_s) >= MAX_LOOKERS:
            self._noted_s.clear()  # rather written down too often than not
        self._noted_s[key] = now_s
        task = asyncio.get_running_loop().create_task(self._note(who, what, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _note(self, who: str, what: Purpose, client: str) -> None:
        new = await self._disk(lambda: self._log.note(time.time_ns(), who, what, client))
        if new:
            self._telemetry.log.event(logging.INFO, "history_looked_at", who=who, what=what.value, client=client)

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
