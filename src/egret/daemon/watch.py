"""Egret watches itself: what is amiss with the sensor becomes an alert, a metric and a line on the status page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from egret.alerts.sensor import Board, Finding, Problem, SensorAlert, Standing
from egret.sinks.notices import Notices
from egret.telemetry import Telemetry


class Watch:
    """The problems that stand, told to the outputs.

    Args:
        notices: the way to the outputs.
        telemetry: counts and logs.
        now_ns: the time.
    """

    def __init__(self, notices: Notices, telemetry: Telemetry, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._board = Board()
        self._notices = notices
        self._telemetry = telemetry
        self._now_ns = now_ns

    @property
    def standing(self) -> list[Standing]:
        """What is amiss now, the gravest first."""
        return self._board.standing

    def bad(self, finding: Finding) -> None:
        """Something is amiss; the same again is no news."""
        self._tell(self._board.bad(finding, self._now_ns()))

    def good(self, problem: Problem, subject: str = "", after_ns: int = 0) -> None:
        """Nothing is amiss there any more, for *after_ns* at least."""
        self._tell(self._board.good(problem, subject, self._now_ns(), after_ns))

    def _tell(self, alert: SensorAlert | None) -> None:
        if alert is None:
            return
        self._telemetry.sensor_alert(alert)
        self._telemetry.sensor_problems(Counter(each.finding.problem for each in self._board.standing))
        self._notices.offer(alert)
