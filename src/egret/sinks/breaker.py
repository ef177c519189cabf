"""A circuit breaker: a receiver that keeps failing is asked rarely, and with one alert at a time.

    closed --THRESHOLD failures in a row--> open --the pause is over--> half-open --taken--> closed
                                             ^----------- failed -----------'

An alert that fails while others are taken is at fault itself: after ``MAX_STRIKES`` of that it is given up, and holds
the others up no longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

THRESHOLD = 5  # with the doubling pauses: half a minute of failures
MAX_STRIKES = 3


class Circuit(StrEnum):
    """Whether a receiver is asked. A closed list: it is a metric label."""

    CLOSED = "closed"  # as ever
    OPEN = "open"  # not now
    HALF_OPEN = "half_open"  # one alert, to see


class Breaker:
    """The state of one sink."""

    def __init__(self) -> None:
        self.state = Circuit.CLOSED
        self.failures = 0  # in a row
        self.probes = 0  # since it opened
        self._failed: set[str] = set()  # alerts that failed since the last one was taken
        self._strikes: dict[str, int] = {}

    def begin(self) -> None:
        """An attempt begins."""
        if self.state is Circuit.OPEN:
            self.state = Circuit.HALF_OPEN
            self.probes += 1

    def failed(self, alert_ids: Iterable[str]) -> None:
        """The attempt failed, and may be repeated."""
        self._failed.update(alert_ids)
        self.failures += 1
        if self.failures >= THRESHOLD:
            self.state = Circuit.OPEN

    def answered(self, alert_ids: Iterable[str], *, taken: bool) -> None:
        """The receiver works: it took these, or refused them for good."""
        for alert_id in alert_ids:
            self._failed.discard(alert_id)
            self._strikes.pop(alert_id, None)
        if taken:
            for alert_id in self._failed:
                self._strikes[alert_id] = self._strikes.get(alert_id, 0) + 1
            self._failed.clear()
        self.state, self.failures, self.probes = Circuit.CLOSED, 0, 0

    def at_fault(self, alert_id: str) -> bool:
        """Whether this alert failed often enough while others were taken."""
        return self._strikes.get(alert_id, 0) >= MAX_STRIKES

    def forget(self, alert_ids: Iterable[str]) -> None:
        """These will not be tried again."""
        for alert_id in alert_ids:
            self._failed.discard(alert_id)
            self._strikes.pop(alert_id, None)
