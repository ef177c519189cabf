"""The contract of a sink, and the runner that no sink can slow down.

Each sink has a ``Delivery`` of its own: a bounded queue, a task, and the rules of retrying. A sink only
sends; it never queues, retries or counts. Everything here runs in one event loop; ``offer`` never blocks.

Outcomes of an alert, each counted once for each sink that wanted it:

=========  ====================================================================
delivered  the receiver has it
rejected   the receiver will never take it (``SinkRejected``): a dead letter
dropped    the queue was full, or the alert too old, before the receiver took it
forgotten  its client was purged first
kept       Egret stopped first; what the store committed is offered again at the next start
=========  ====================================================================

So ``offered = delivered + rejected + dropped + forgotten + kept + queue_length`` at any time. ``failed`` counts
attempts, not alerts: each is followed by another, or by one of the above.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from egret.alerts.digest import Digest
from egret.alerts.messages import Message
from egret.alerts.model import Alert
from egret.alerts.routing import Route, wanted
from egret.errors import SinkRejected, SinkTemporary
from egret.model import Severity
from egret.sinks.backlog import Backlog
from egret.sinks.breaker import Breaker, Circuit


class Outcome(StrEnum):
    """What became of a delivery. A closed list: it is a metric label."""

    OFFERED = "offered"  # no outcome yet: the alert was queued
    DELIVERED = "delivered"
    FAILED = "failed"
    REJECTED = "rejected"
    DROPPED = "dropped"
    FORGOTTEN = "forgotten"
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

    def __call__(self, sink: str, outcome: Outcome, alerts: Sequence[Message], detail: str) -> None:
        """Hear of an outcome; *detail* is for the log, "" where there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """How one sink is served."""

    min_severity: Severity = Severity.INFO
    routes: tuple[Route, ...] = ()  # an alert must fit one of them; none: all fit
    queue_length: int = 10_000
    max_age_s: float = 7 * 86_400.0  # what waited longer is dropped
    batch: int = 1  # most alerts a send
    send_timeout_s: float = 30.0  # a send that takes longer counts as failed
    backoff_s: float = 1.0  # before the first retry; doubles, with jitter
    backoff_cap_s: float = 300.0
    wish_cap_s: float = 3600.0  # the longest wait that a receiver may ask for


@runtime_checkable
class TakesDigests(Protocol):
    """A sink that has a form for digests."""

    async def digest(self, digest: Digest) -> None:
        """Hand over *digest*; raises as ``Sink.send``."""
        ...


@runtime_checkable
class Background(Protocol):
    """A sink that has something to do between alerts."""

    @property
    def trouble(self) -> str | None:
        """What goes wrong with it; None: nothing."""
        ...

    async def run(self) -> None:
        """Do it until cancelled; what it raises is its own to handle."""
        ...


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
        self._breaker = Breaker()
        self._careful = 0  # how many alerts are still to be sent one by one, after a batch was refused
        self._sending: list[Message] = []
        self._waiting = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._hurry = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def name(self) -> str:
        """The sink's name: a metric label."""
        return self.sink.name

    @property
    def queue_length(self) -> int:
        """Alerts that the receiver does not have yet."""
        return len(self._backlog) + len(self._sending)

    @property
    def circuit(self) -> Circuit:
        """Whether the receiver is being asked."""
        return self._breaker.state

    @property
    def trouble(self) -> str | None:
        """What goes wrong beside deliveries; None: nothing, as far as is known."""
        return self.sink.trouble if isinstance(self.sink, Background) else None

    def start(self) -> None:
        """Begin to send; needs a running event loop."""
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self._run(), name=f"deliver to {self.name}"))
        if isinstance(self.sink, Background):
            self._tasks.append(loop.create_task(self.sink.run(), name=f"background of {self.name}"))

    def wants(self, alert: Alert) -> bool:
        """Whether *alert* is severe enough for this sink, and routed to it."""
        return alert.severity.rank >= self.options.min_severity.rank and wanted(self.options.routes, alert)

    def offer(self, alert: Alert) -> None:
        """Queue *alert* if the sink wants it. Never blocks."""
        if self.wants(alert):
            self.queue(alert)

    def queue(self, alert: Message, age_s: float = 0.0) -> None:
        """Queue what the sink wanted when it was made, *age_s* ago, unless it waits already. Never blocks."""
        if alert.id in self._backlog:
            return
        self._watch(self.name, Outcome.OFFERED, [alert], "")
        lost = self._backlog.put(alert, time.monotonic() - max(age_s, 0.0))
        if lost is not None:
            self._breaker.forget([lost.id])
            self._watch(self.name, Outcome.DROPPED, [lost], "queue full: the oldest of the lowest severity went")
        self._idle.clear()
        self._waiting.set()

    def holds(self, alert_id: str) -> bool:
        """Whether an alert waits, or is being sent."""
        return alert_id in self._backlog

    def forget(self, unwanted: Callable[[Message], bool]) -> int:
        """Drop what waits and is *unwanted*, retries included; how many."""
        gone = [alert for alert in self._sending if unwanted(alert)]
        self._sending[:] = [alert for alert in self._sending if not unwanted(alert)]
        self._backlog.settle(gone)
        gone += self._backlog.drop(unwanted)
        return self._gone(gone, Outcome.FORGOTTEN, "its client was forgotten")

    def expire(self) -> int:
        """Drop what has waited too long; how many."""
        old = self._backlog.expire(time.monotonic() - self.options.max_age_s)
        return self._gone(old, Outcome.DROPPED, f"waited more than {self.options.max_age_s:g} s")

    def _gone(self, alerts: Sequence[Message], outcome: Outcome, why: str) -> int:
        if alerts:
            self._breaker.forget(alert.id for alert in alerts)
            self._watch(self.name, outcome, alerts, why)
        return len(alerts)

    async def _run(self) -> None:
        while True:
            await self._waiting.wait()
            self._sending = self._next()
            if not self._sending:
                self._waiting.clear()
                self._idle.set()
                continue
            pause_s = await self._attempt()
            if pause_s is not None:
                await self._pause(pause_s)

    def _next(self) -> list[Message]:
        """What to send now: a batch; one alert while the receiver is in doubt, every second time not the first."""
        self._breaker.begin()
        if self._breaker.state is not Circuit.CLOSED:
            return self._backlog.take(1, skip=(self._breaker.probes + 1) % 2)
        if self._careful:
            self._careful -= 1
            return self._backlog.take(1)
        return self._alike(self._backlog.take(self.options.batch))

    def _alike(self, taken: list[Message]) -> list[Message]:
        """The first of *taken* that are of one kind, and a digest alone; the rest waits on."""
        ours = next((at for at, each in enumerate(taken) if isinstance(each, Digest)), len(taken)) or 1
        self._backlog.put_back(taken[ours:])
        return taken[:ours]

    async def _hand_over(self) -> None:
        """Give the sink what is to be sent now.

        Raises:
            SinkTemporary, SinkRejected: as the sink says.
        """
        alerts = [message for message in self._sending if isinstance(message, Alert)]
        if alerts:
            await self.sink.send(tuple(alerts))
        for digest in (message for message in self._sending if isinstance(message, Digest)):
            if not isinstance(self.sink, TakesDigests):
                raise SinkRejected("this output has no form for a digest")
            await self.sink.digest(digest)

    async def _attempt(self) -> float | None:
        """Send once; how long to wait before the next attempt, None if this one is settled."""
        try:
            async with asyncio.timeout(self.options.send_timeout_s):  # wait_for may swallow a cancellation (3.11)
                await self._hand_over()
        except SinkRejected as error:
            self._refused(str(error))
        except SinkTemporary as error:
            return self._failed(str(error.args[0]), error.retry_after_s)
        except TimeoutError:
            return self._failed(f"no answer in {self.options.send_timeout_s:g} s", None)
        except Exception as error:  # noqa: BLE001 - a bug in one sink must not stop its other alerts
            self._refused(f"internal error: {error!r}")
        else:
            self._breaker.answered((alert.id for alert in self._sending), taken=True)
            self._settle(Outcome.DELIVERED, "")
        return None

    def _refused(self, why: str) -> None:
        if len(self._sending) > 1:  # one of them may be at fault: find it
            self._careful = len(self._sending)
            self._put_back()
            return
        self._breaker.answered((alert.id for alert in self._sending), taken=False)
        self._settle(Outcome.REJECTED, why)

    def _settle(self, outcome: Outcome, why: str) -> None:
        alerts, self._sending = self._sending, []
        self._backlog.settle(alerts)
        if alerts:  # else they were forgotten meanwhile
            self._watch(self.name, outcome, alerts, why)

    def _failed(self, why: str, wished_s: float | None) -> float | None:
        if len(self._sending) == 1 and self._breaker.at_fault(self._sending[0].id):
            self._breaker.forget([self._sending[0].id])
            self._settle(Outcome.REJECTED, f"given up, for others were taken meanwhile: {why}")
            return None
        if self._sending:
            self._watch(self.name, Outcome.FAILED, tuple(self._sending), why)
        self._breaker.failed(alert.id for alert in self._sending)
        self._put_back()
        return self._backoff_s(self._breaker.failures - 1, wished_s)

    def _put_back(self) -> None:
        alerts, self._sending = self._sending, []
        self._backlog.put_back(alerts)

    def _backoff_s(self, attempt: int, wished_s: float | None) -> float:
        """How long to wait: the receiver's wish, or a jittered doubling; never beyond the cap of each."""
        if wished_s is not None:
            return min(max(wished_s, 0.0), self.options.wish_cap_s)
        longest_s = min(self.options.backoff_s * 2.0 ** min(attempt, 32), self.options.backoff_cap_s)
        return self._jitter(longest_s / 2, longest_s)

    async def _pause(self, pause_s: float) -> None:
        """Wait, unless Egret is stopping: then try again at once, but not in a tight loop."""
        if self._hurry.is_set():
            await asyncio.sleep(min(pause_s, 0.2))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._hurry.wait()

    async def close(self, timeout_s: float) -> Sequence[Message]:
        """Send what waits, for at most *timeout_s*; count the rest as kept, and give it back; close the sink."""
        self._hurry.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        self._put_back()
        left = self._backlog.take(len(self._backlog))
        self._backlog.settle(left)
        if left:
            self._watch(self.name, Outcome.KEPT, left, "stopped before they could be delivered")
        with suppress(TimeoutError, SinkTemporary):
            async with asyncio.timeout(1.0):
                await self.sink.close()
        return left
