"""The canary: a probe that goes the way of every packet, and an alarm when it does not arrive.

The opener sends it on a loopback interface, every worker hears it on a ring of its own, and from there it takes the
real way: pipe, this loop, judge, an incident, an alert, an output's queue. The incident and the output are the
canary's own, so that nothing real shows it. What this proves, and what not: docs/self-watch.md.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from egret.alerts.incidents import Incidents
from egret.alerts.messages import Message
from egret.alerts.model import Alert
from egret.alerts.sensor import Finding, Probe, Problem
from egret.errors import SourceError
from egret.judge.verdict import Judge
from egret.model import Severity
from egret.settings.canary_section import CanarySettings
from egret.sinks.base import Delivery, DeliveryOptions, Outcome
from egret.sources.probes import FIRST_PORT, PORTS
from egret.telemetry import Telemetry
from egret.telemetry.table import Stage
from egret.worker.pipeline import Hit

_TURNS = tuple(Probe)
_ADVICE = "egret doctor; the log says why capture processes ended; a restart opens everything anew"


class Sender(Protocol):
    """What ``sources.opener.OpenerClient`` is to the canary."""

    def send_probe(self, probe: Probe, port: int) -> None:
        """Send *probe* from *port*; SourceError if that fails."""
        ...


class Board(Protocol):
    """What ``daemon.watch.Watch`` is to the canary."""

    def bad(self, finding: Finding) -> None:
        """Something is amiss."""
        ...

    def good(self, problem: Problem, subject: str = "") -> None:
        """Nothing is, any more."""
        ...


class PrivateSink:
    """Where the canary's alerts end."""

    name = "canary"

    def __init__(self, arrived: Callable[[Alert], None]) -> None:
        self._arrived = arrived

    def health(self) -> str | None:
        """Nothing can be wrong with it."""
        return None

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Take *alerts*."""
        for alert in alerts:
            self._arrived(alert)

    async def close(self) -> None:
        """Nothing to give back."""


class Canary:
    """Sends, listens, and raises the alarm.

    Args:
        settings: how often, and how long to wait.
        sender: sends; the opener.
        workers: those that are to hear it.
        judge: the one in use now.
        board: hears of what is missed.
        telemetry: counts.
    """

    def __init__(
        self,
        settings: CanarySettings,
        sender: Sender,
        workers: Sequence[int],
        judge: Callable[[], Judge],
        board: Board,
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._sender = sender
        self._workers = frozenset(workers)
        self._judge = judge
        self._board = board
        self._telemetry = telemetry
        self._port = 0  # of the probe that is out
        self._out: dict[str, set[int]] = {}  # alerts on their way to the private output, and who heard what they say
        self._arrived: set[int] = set()
        self._all = asyncio.Event()
        self._delivery = Delivery(PrivateSink(self._take), DeliveryOptions(min_severity=Severity.INFO), _nobody)

    def heard(self, worker: int, hit: Hit) -> None:
        """A worker says that it heard a probe: judge and fold it, and offer the alert."""
        if hit.event.client.port != self._port:
            return  # one that was given up
        try:
            alerts = Incidents().feed(self._judge().detect(hit.event, hit.match))
        except Exception as error:  # noqa: BLE001 - a bug here is what the canary is there to show
            self._telemetry.internal_error(Stage.JUDGE, error)
            return
        for alert in alerts[:1]:
            self._out.setdefault(alert.id, set()).add(worker)  # two workers' rings may give it the same time
            self._delivery.offer(alert)

    def _take(self, alert: Alert) -> None:
        self._arrived |= self._out.pop(alert.id, set())
        if self._arrived >= self._workers:
            self._all.set()

    async def run(self) -> None:
        """Until cancelled."""
        self._delivery.start()
        try:
            for number in itertools.count():
                await asyncio.sleep(self._settings.every.total_seconds())
                await self._probe(_TURNS[number % len(_TURNS)], FIRST_PORT + number % PORTS)
        finally:
            await self._delivery.close(0.0)

    async def _probe(self, probe: Probe, port: int) -> None:
        within_s = self._settings.within.total_seconds()
        self._port = port
        self._out.clear()
        self._arrived.clear()
        self._all.clear()
        self._telemetry.canary_sent(probe)
        began_s = time.monotonic()
        trouble = self._send(probe, port)
        try:
            async with asyncio.timeout(within_s):
                await self._all.wait()
        except TimeoutError:
            missing = ", ".join(map(str, sorted(self._workers - self._arrived)))
            deaf = f"capture process {missing} did not hear the {probe.value} probe within {within_s:g} s"
            self._missed(probe, f"{deaf} ({trouble})" if trouble else deaf)
        else:
            self._came(probe, time.monotonic() - began_s, within_s)
        self._port = 0

    def _send(self, probe: Probe, port: int) -> str | None:
        """What went wrong; no miss yet, for an opener that answers late may have sent it all the same."""
        try:
            self._sender.send_probe(probe, port)
        except SourceError as error:
            return str(error)
        return None

    def _came(self, probe: Probe, took_s: float, within_s: float) -> None:
        if took_s > within_s:  # this loop stood still: a timer that is late and its answer come together
            self._missed(probe, f"the {probe.value} probe took {took_s:.1f} s, more than {within_s:g} s")
            return
        self._telemetry.canary_heard(time.time(), took_s)
        self._board.good(Problem.CANARY_MISSED)

    def _missed(self, probe: Probe, why: str) -> None:
        self._telemetry.canary_missed(probe, why)
        text = f"the canary was missed: {why}; what passes now may not be seen"
        self._board.bad(Finding(problem=Problem.CANARY_MISSED, severity=Severity.HIGH, text=text, advice=_ADVICE))


def _nobody(sink: str, outcome: Outcome, alerts: Sequence[Message], detail: str) -> None:
    """The private output's fate is the canary's own business."""
