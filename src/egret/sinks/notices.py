"""Alerts about the sensor itself, on their way to the same outputs as the others, by a lane of their own.

They are not committed to the store: that may be what is broken, and a problem that still stands after a restart is
found again. Each output has a short queue and a task; the oldest makes room, which is counted. An output takes them
if it has ``warn``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol, runtime_checkable

from egret.alerts.routing import sensor_wanted
from egret.alerts.sensor import SensorAlert, Turn
from egret.errors import SinkRejected, SinkTemporary
from egret.sinks.base import Delivery, Outcome

MAX_WAITING = 100
FIRST_S, MOST_S = 1.0, 60.0  # between attempts

Heard = Callable[[str, Outcome, str], None]  # the output, what became of one alert or attempt, why


@runtime_checkable
class Warns(Protocol):
    """A sink that has a form for alerts about the sensor."""

    async def warn(self, alert: SensorAlert) -> None:
        """Hand over *alert*.

        Raises:
            SinkTemporary: not now.   SinkRejected: never.
        """
        ...


class _Lane:
    """One output's."""

    def __init__(self, delivery: Delivery, sink: Warns, heard: Heard) -> None:
        self.delivery = delivery
        self._sink = sink
        self._heard = heard
        self._waiting: deque[SensorAlert] = deque()
        self._told: set[str] = set()  # problems that stand; the board bounds them
        self._there, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"sensor alerts to {delivery.name}")

    def offer(self, alert: SensorAlert) -> None:
        """Queue *alert* if it is severe enough and routed here, or ends what was. Never blocks."""
        if not self._wants(alert):
            return
        self._waiting.append(alert)
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self._heard(self.delivery.name, Outcome.DROPPED, "queue full")
        self._idle.clear()
        self._there.set()

    def _wants(self, alert: SensorAlert) -> bool:
        """Who heard that something is amiss hears that it is over, at any hour."""
        options, problem = self.delivery.options, alert.id.rpartition("-")[0]
        wanted = alert.severity.rank >= options.min_severity.rank and sensor_wanted(options.routes, alert)
        if alert.turn is not Turn.RECOVERED:
            self._told |= {problem} if wanted else set()
            return wanted
        told = problem in self._told
        self._told.discard(problem)
        return told or wanted

    async def _run(self) -> None:
        while True:
            await self._there.wait()
            while self._waiting:
                await self._deliver(self._waiting.popleft())
            self._there.clear()
            self._idle.set()

    async def _deliver(self, alert: SensorAlert) -> None:
        pause_s = FIRST_S
        while True:
            outcome, why = await self._attempt(alert)
            self._heard(self.delivery.name, outcome, why)
            if outcome is not Outcome.FAILED:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(MOST_S, pause_s * 2)

    async def _attempt(self, alert: SensorAlert) -> tuple[Outcome, str]:
        try:
            async with asyncio.timeout(self.delivery.options.send_timeout_s):
                await self._sink.warn(alert)
        except SinkRejected as error:
            return Outcome.REJECTED, str(error)
        except SinkTemporary as error:
            return Outcome.FAILED, str(error.args[0])
        except TimeoutError:
            return Outcome.FAILED, "no answer"
        except Exception as error:  # noqa: BLE001 - a bug in one sink must not stop its other alerts
            return Outcome.REJECTED, f"internal error: {error!r}"
        return Outcome.DELIVERED, ""

    async def close(self, timeout_s: float) -> None:
        """Send what waits, for at most *timeout_s*."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        self._task.cancel()
        await asyncio.wait([self._task], timeout=1.0)


class Notices:
    """All outputs' lanes; *heard* is told what becomes of each alert."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._lanes: list[_Lane] = []

    def start(self, deliveries: Iterable[Delivery]) -> None:
        """Use the outputs of *deliveries*; needs a running event loop."""
        for delivery in deliveries:
            if isinstance(delivery.sink, Warns):
                self._lanes.append(_Lane(delivery, delivery.sink, self._heard))

    def offer(self, alert: SensorAlert) -> None:
        """Queue *alert* for every output that wants it. Never blocks."""
        for lane in self._lanes:
            lane.offer(alert)

    async def exchange(self, deliveries: Iterable[Delivery], timeout_s: float) -> None:
        """Use *deliveries* from now on; before their sinks are closed."""
        wanted = list(deliveries)
        ending = [lane for lane in self._lanes if not any(lane.delivery is each for each in wanted)]
        staying = [lane for lane in self._lanes if not any(lane is each for each in ending)]
        self._lanes = staying
        self.start(each for each in wanted if not any(each is lane.delivery for lane in staying))
        await asyncio.gather(*(lane.close(timeout_s) for lane in ending))

    async def close(self, timeout_s: float) -> None:
        """Flush, within *timeout_s* and a little; before the sinks are closed."""
        await asyncio.gather(*(lane.close(timeout_s) for lane in self._lanes))
        self._lanes = []
