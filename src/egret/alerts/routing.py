"""Which alerts an output gets: by severity, vendor, class, signature, group, and hour of the week.

Event time throughout, so a replay routes as the live run did.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from egret.alerts.model import Action, Alert, Incident
from egret.alerts.sensor import SensorAlert
from egret.model import ServiceClass, Severity
from egret.value import Struct

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_S = 200_000_000_000  # the year 8307: what a calendar can still hold; a capture may claim later times


class Kind(StrEnum):
    """What an alert is about."""

    INCIDENT = "incident"
    SENSOR = "sensor"  # Egret itself


class Hours(NamedTuple):
    """A stretch of some days, in minutes of the day; one whose end is not after its start ends the day after."""

    days: frozenset[int]  # 0 is Monday; of the start
    start: int
    end: int

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether that minute of that day is in it."""
        if self.start < self.end:
            return weekday in self.days and self.start <= minute < self.end
        return (weekday in self.days and minute >= self.start) or ((weekday - 1) % 7 in self.days and minute < self.end)


class Route(Struct, frozen=True, kw_only=True):
    """All that is named must fit; what is empty fits everything.

    ``hours`` hold back what can wait: an escalation comes at any hour. Who heard of an incident also hears of its
    escalations and its end, whatever the route says (``sinks.followers``).
    """

    kinds: frozenset[Kind] = frozenset()  # empty: incidents as the rest says, and all about the sensor
    severities: frozenset[Severity] = frozenset()
    vendors: frozenset[str] = frozenset()  # in lower case
    classes: frozenset[ServiceClass] = frozenset()
    signatures: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()  # the client must be in one of them
    hours: tuple[Hours, ...] = ()
    zone: tzinfo = UTC

    def fits(self, alert: Alert) -> bool:
        """Whether *alert* goes this way."""
        if self.kinds and Kind.INCIDENT not in self.kinds:
            return False
        if self.severities and alert.severity not in self.severities:
            return False
        return self._fits_incident(alert.incident) and (
            alert.action is Action.ESCALATED or self._fits_hour(alert.time_ns)
        )

    def fits_sensor(self, alert: SensorAlert) -> bool:
        """Whether an alert about the sensor itself goes this way: by severity and hour, where its kind is named."""
        if not self.kinds:
            return True
        named = Kind.SENSOR in self.kinds and (not self.severities or alert.severity in self.severities)
        return named and self._fits_hour(alert.time_ns)

    def _fits_incident(self, incident: Incident) -> bool:
        return (
            (not self.vendors or incident.vendor.lower() in self.vendors)
            and (not self.classes or incident.service_class in self.classes)
            and (not self.signatures or incident.signature in self.signatures)
            and (not self.groups or not self.groups.isdisjoint(incident.client_groups))
        )

    def _fits_hour(self, time_ns: int) -> bool:
        if not self.hours:
            return True
        second = max(0, min(time_ns // 1_000_000_000, _LATEST_S))
        local = (_EPOCH + timedelta(seconds=second)).astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        return any(hours.holds(local.weekday(), minute) for hours in self.hours)


def wanted(routes: Sequence[Route], alert: Alert) -> bool:
    """Whether one of *routes* fits; without any, everything is wanted."""
    return not routes or any(route.fits(alert) for route in routes)


def sensor_wanted(routes: Sequence[Route], alert: SensorAlert) -> bool:
    """The same of an alert about the sensor itself."""
    return not routes or any(route.fits_sensor(alert) for route in routes)
