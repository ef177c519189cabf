"""The contract of a sink, and the runner that no sink can slow down.

Each sink has a ``Delivery`` of its own: a bounded queue, a task, and the rules of retrying. A sink only
sends; it never queues, retries or counts. Everything here runs in one event loop; ``offer`` never blocks.

Outcomes of an alert, each counted once for each sink that wanted it:

=========  ====================================================================
delivered  the receiver has it
rejected   the receiver will never take it (``SinkRejected``)
dropped    the queue was full before the receiver took it
kept       Egret stopped first; what the store committed is offered again at the next start
=========  ====================================================================

``failed`` counts attempts, not alerts: each is followed by another, or by one of the above.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from egret.alerts.model import Alert
from egret.errors import SinkRejected, SinkTemporary
from egret.model import Severity


class Outcome(StrEnum):
    """What became of a delivery. A closed list: it is a metric label."""

    DELIVERED = "delivered"
    FAILED = "failed"
    REJECTED = "rejected"
    DROPPED = "dropped"
    KEPT = "kept"


class Sink(Protocol):
    """Where alerts go."""

    name: str

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Hand over *alerts* in order, all or none.

        Raises:
            SinkTemporary: not now.   SinkRejected: never.
        """
        ...

    def health(self) -> str | None:
        """Say what would keep this sink from working, without sending anything; None: nothing known."""
        ...

    async def close(self) -> None:
        """Give back what the sink holds; it gets no alert after."""
        ...


class Watcher(Protocol):
    """Who wants to know what became of alerts: telemetry, the store."""

    def __call__(self, sink: str, outcome: Outcome, alerts: Sequence[Alert], detail: str) -> None:
        """Hear of an outcome; *detail* is for the log, "" where there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """How one sink is served."""

    min_severity: Severity = Severity.INFO
    queue_length: int = 10_000
    batch: int = 1  # most alerts a send
    send_timeout_s: float = 30.0  # a send that takes longer counts as failed
    backoff_s: float = 1.0  # before the first retry; doubles, with jitter
    backoff_cap_s: float = 300.0


class Backlog:
    """Alerts that wait, oldest first; when full, the oldest of the lowest severity makes room."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._by_rank: dict[int, deque[tuple[int, Alert]]] = {severity.rank: deque() for severity in Severity}
        self._next = 0

    def __len__(self) -> int:
        return self._count

    def put(self, alert: Alert) -> Alert | None:
        """Add *alert*; the one that had to go for it, which may be itself."""
        self._by_rank[alert.severity.rank].append((self._next, alert))
        self._next += 1
        self._count += 1
        if self._count <= self._limit:
            return None
        lowest = min(rank for rank, waiting in self._by_rank.items() if waiting)
        self._count -= 1
        return self._by_rank[lowest].popleft()[1]

    def drop(self, unwanted: Callable[[Alert], bool]) -> int:
        """Remove what is *unwanted*; how many."""
        before = self._count
        for rank, waiting in self._by_rank.items():
            self._by_rank[rank] = deque(each for each in waiting if not unwanted(each[1]))
        self._count = sum(map(len, self._by_rank.values()))
        return before - self._count

    def take(self, limit: int) -> list[Alert]:
        """Remove and give up to *limit* alerts, in the order they came."""
        taken: list[Alert] = []
        while self._count and len(taken) < limit:
            oldest = min((waiting for waiting in self._by_rank.values() if waiting), key=lambda waiting: waiting[0][0])
            taken.append(oldest.popleft()[1])
            self._count -= 1
        return taken


class Delivery:
    """Serves one sink."""

    def __init__(
        self,
        sink: Sink,
        options: DeliveryOptions,
        watch: Watcher,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.sink = sink
        self.options = options
        self._watch = watch
        self._jitter = jitter
        self._backlog = Backlog(options.queue_length)
        self._sending: list[Alert] = []
        self._waiting = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The sink's name: a metric label."""
        return self.sink.name

    @property
    def queue_length(self) -> int:
        """Alerts that the receiver does not have yet."""
        return len(self._backlog) + len(self._sending)

    def start(self) -> None:
        """Begin to send; needs a running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"deliver to {self.name}")

    def wants(self, alert: Alert) -> bool:
        """Whether *alert* is severe enough for this sink."""
        return alert.severity.rank >= self.options.min_severity.rank

    def offer(self, alert: Alert) -> None:
        """Queue *alert* if the sink wants it. Never blocks."""
        if not self.wants(alert):
            return
        lost = self._backlog.put(alert)
        if lost is not None:
            self._watch(self.name, Outcome.DROPPED, [lost], "queue full")
        self._idle.clear()
        self._waiting.set()

    def forget(self, unwanted: Callable[[Alert], bool]) -> int:
        """Drop what waits and is *unwanted*, retries included; how many."""
        kept = [alert for alert in self._sending if not unwanted(alert)]
        dropped = len(self._sending) - len(kept)
        self._sending[:] = kept  # in place: the next attempt sends what is left
        return dropped + self._backlog.drop(unwanted)

    async def _run(self) -> None:
        while True:
            await self._waiting.wait()
            self._sending = self._backlog.take(self.options.batch)
            if not self._sending:
                self._waiting.clear()
                self._idle.set()
                continue
            await self._deliver(self._sending)
            self._sending = []

    async def _deliver(self, alerts: Sequence[Alert]) -> None:
        """Send until the receiver has taken *alerts* or refused them for good."""
        attempt = 0
        while True:
            if not alerts:  # all of them were dropped meanwhile
                return None
            try:
                async with asyncio.timeout(self.options.send_timeout_s):  # wait_for may swallow a cancellation (3.11)
                    await self.sink.send(tuple(alerts))
            except SinkRejected as error:
                return self._watch(self.name, Outcome.REJECTED, alerts, str(error))
            except SinkTemporary as error:
                self._watch(self.name, Outcome.FAILED, alerts, str(error.args[0]))
                await self._pause(self._backoff_s(attempt, error.retry_after_s))
            except TimeoutError:
                self._watch(self.name, Outcome.FAILED, alerts, f"no answer in {self.options.send_timeout_s:g} s")
                await self._pause(self._backoff_s(attempt, None))
            except Exception as error:  # noqa: BLE001 - a bug in one sink must not stop its other alerts
                return self._watch(self.name, Outcome.REJECTED, alerts, f"internal error: {error!r}")
            else:
                return self._watch(self.name, Outcome.DELIVERED, alerts, "")
            attempt += 1

    def _backoff_s(self, attempt: int, wished_s: float | None) -> float:
        """How long to wait: the receiver's wish, or a jittered doubling; never beyond the cap."""
        cap_s = self.options.backoff_cap_s
        if wished_s is not None:
            return min(max(wished_s, 0.0), cap_s)
        longest_s = min(self.options.backoff_s * 2.0 ** min(attempt, 32), cap_s)
        return self._jitter(longest_s / 2, longest_s)

    async def _pause(self, pause_s: float) -> None:
        """Wait, unless Egret is stopping: then try again at once, but not in a tight loop."""
        if self._hurry.is_set():
            await asyncio.sleep(min(pause_s, 0.2))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._hurry.wait()

    async def close(self, timeout_s: float) -> Sequence[Alert]:
        """Send what waits, for at most *timeout_s*; count the rest as kept, and give it back; close the sink."""
        self._hurry.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1.0)
        left = [*self._sending, *self._backlog.take(len(self._backlog))]
        self._sending = []
        if left:
            self._watch(self.name, Outcome.KEPT, left, "stopped before they could be delivered")
        with suppress(TimeoutError, SinkTemporary):
            async with asyncio.timeout(1.0):
                await self.sink.close()
        return left
