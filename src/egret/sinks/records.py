"""Alerts as records of a message broker: a body, the key that repeats are told by, and the one that keeps order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from egret.alerts.digest import Digest
from egret.alerts.model import Alert
from egret.alerts.sensor import SensorAlert


class Record(NamedTuple):
    """One message."""

    id: str  # idempotency key: the same at every attempt
    key: str  # what must stay in order: an incident, a problem of the sensor
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordForm:
    """What records look like."""

    line: Callable[[Alert], str]
    warning: Callable[[SensorAlert], str]  # the same of an alert about the sensor itself
    summary: Callable[[Digest], str]  # the same of a digest
    content_type: str = "application/json"

    def of(self, alert: Alert) -> Record:
        """The record of *alert*."""
        return Record(alert.id, alert.incident.id, self.line(alert).encode(), self.content_type)

    def about_sensor(self, alert: SensorAlert) -> Record:
        """The record of *alert*, keyed by what it is about."""
        key = f"sensor-{alert.finding.problem.value}"
        return Record(alert.id, key, self.warning(alert).encode(), self.content_type)

    def of_day(self, digest: Digest) -> Record:
        """The record of *digest*."""
        return Record(digest.id, "digest", self.summary(digest).encode(), self.content_type)


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to a broker."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Login(***)"
