"""The spool on disk and the outputs' queues, kept alike: outcomes are noted, what waits on disk is read back.

It is read a page at a time, or a long outage would take longer to read than anybody has patience for. What is new waits
behind what an output has not read yet, while it can be read: an output is told of an incident in the order of its life.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from egret.alerts.messages import Message
from egret.daemon.routed import Routed
from egret.sinks.base import Outcome
from egret.sinks.outputs import Outputs
from egret.store.incidents import IncidentStore

PAGE = 100  # alerts read at once: hundredths of a second, and well below a second on a busy machine
MAX_WAITING = 100_000  # of one output: beyond any queue
_NS = 1_000_000_000

OnDisk = Callable[[Callable[[], Any]], Awaitable[Any]]  # None: it failed, or the disk does not answer


class Spool:
    """What the outputs do not have yet, as the ledger sees it.

    Args:
        store: where it is kept.
        outputs: whose queues it fills.
        on_disk: does work in the disk's thread.
    """

    def __init__(self, store: IncidentStore, outputs: Outputs, on_disk: OnDisk) -> None:
        self._store = store
        self._outputs = outputs
        self._on_disk = on_disk
        self.offering = asyncio.Lock()  # held from the commit of alerts until every output has them
        self._settled: dict[tuple[str, Outcome, str], list[str]] = {}  # by output, outcome and detail: ids
        self._unlisted: set[str] = set()  # outputs of which it is not known what waits for them
        self._unread: dict[str, deque[str]] = {}  # by output: the ids of what is not in its queue yet, oldest first
        self._stuck = False  # a page could not be read: not again before ``retry``

    @property
    def unlisted(self) -> bool:
        """Whether the disk did not say what waits: ``list`` again."""
        return bool(self._unlisted)

    @property
    def unread(self) -> Mapping[str, int]:
        """How much each output has not read yet."""
        return {sink: len(self._unread.get(sink, ())) for sink in self._outputs.names}

    def retry(self) -> None:
        """Time has passed: let ``read_on`` try again what the disk did not give."""
        self._stuck = False

    def hear(self, sink: str, outcome: Outcome, alerts: Sequence[Message], detail: str) -> None:
        """Hear what became of alerts; their places are freed by ``settle``."""
        if outcome in {Outcome.DELIVERED, Outcome.REJECTED, Outcome.DROPPED}:
            self._settled.setdefault((sink, outcome, detail), []).extend(alert.id for alert in alerts)

    async def settle(self) -> None:
        """Note outcomes; what the disk does not take now, the store keeps for its next write."""
        while self._settled:
            sink, outcome, detail = alike = next(iter(self._settled))
            ids = self._settled.pop(alike)
            note = self._store.acknowledge
            if outcome is Outcome.REJECTED:
                note = partial(self._store.bury, detail=detail)
            await self._on_disk(partial(note, sink, ids))

    async def list(self) -> int:
        """Find what waits and is not in a queue: after a start, and when somebody asked; how many. See ``read_on``."""
        self._unlisted = set(self._outputs.names)
        return sum([await self._list(sink) for sink in self._outputs.names])

    async def _list(self, sink: str) -> int:
        async with self.offering:  # or what is being committed would be offered twice
            await self.settle()
            ids = await self._on_disk(partial(self._store.waiting_ids, sink, MAX_WAITING))
            if ids is None:
                return 0
            self._unlisted.discard(sink)
            self._unread[sink] = deque(self._outputs.not_queued(sink, ids))
            return len(self._unread[sink])

    async def read_on(self) -> bool:
        """Offer the next page to each output that has not read all; whether there is more, and the disk gives it."""
        for sink in tuple(self._unread):
            if not self._stuck:
                await self._read_page(sink)
        return bool(self._unread) and not self._stuck

    async def _read_page(self, sink: str) -> None:
        async with self.offering:
            await self.settle()
            unread = self._unread.get(sink, deque())
            page = list(islice(unread, PAGE))
            waiting = await self._on_disk(partial(self._store.waiting, sink, page)) if page else []
            if waiting is None:
                self._stuck = True
                return
            now_ns, settled = time.time_ns(), self._settled_of(sink)  # what is settled meanwhile has a place still
            ages = [(alert, (now_ns - alert.time_ns) / _NS) for alert in waiting if alert.id not in settled]
            self._outputs.offer_again(sink, ages)
            for _ in page:
                unread.popleft()
            if not unread:
                self._unread.pop(sink, None)

    def _settled_of(self, sink: str) -> set[str]:
        return {alert_id for (name, _, _), ids in self._settled.items() if name == sink for alert_id in ids}

    def tell(self, routed: Iterable[Routed], *, committed: bool) -> None:
        """Queue alerts for their outputs. Under ``offering``."""
        for alert, sinks in routed:
            behind = {sink for sink in sinks if committed and not self._stuck and self._unread.get(sink)}
            for sink in behind:
                self._unread[sink].append(alert.id)
            self._outputs.tell(alert, [sink for sink in sinks if sink not in behind])
