"""``outputs.routes``: which output gets which alerts."""

from __future__ import annotations

import re
from datetime import UTC, tzinfo
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from egret.alerts.routing import Hours, Kind, Route
from egret.model import ServiceClass, Severity
from egret.settings.sections import Section
from egret.settings.values import Slug

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(?:([a-z,-]+)(?: +|$))?(?:(\d\d):(\d\d)-(\d\d):(\d\d))?")
_DAY_MINUTES = 24 * 60


def parse_hours(text: str) -> Hours:
    """Read ``Mon-Fri 08:00-18:00``; days or times may be left out. A night is ``Fri 22:00-06:00``.

    Raises:
        ValueError: it is none.
    """
    found = _HOURS.fullmatch(text.strip().lower())
    if not found or not found[0]:
        raise ValueError(f"'{text}' is no stretch of hours; write it as 'Mon-Fri 08:00-18:00' or 'Sat,Sun'")
    start, end = (_minute(found[2], found[3]), _minute(found[4], found[5])) if found[2] else (0, _DAY_MINUTES)
    return Hours(_days(found[1]) if found[1] else frozenset(range(7)), start, end)


def _minute(hour: str, minute: str) -> int:
    made = int(hour) * 60 + int(minute)
    if int(minute) > 59 or made > _DAY_MINUTES:
        raise ValueError(f"'{hour}:{minute}' is no time of day")
    return made


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"'{part}' is no day of the week; they are {', '.join(day.title() for day in _DAYS)}")
        start, end = _DAYS.index(first), _DAYS.index(last if dash else first)
        days |= {day % 7 for day in range(start, (end if end >= start else end + 7) + 1)}
    return frozenset(days)


def _hours_text(value: str) -> str:
    parse_hours(value)
    return value


def zone(name: str) -> tzinfo:
    """The time zone of that name.

    Raises:
        ValueError: this system knows none.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError and handled below
        raise ValueError(f"'{name}' is no time zone; write it as 'Europe/Berlin' or 'UTC'") from error
    except KeyError:
        raise ValueError(f"'{name}' is no time zone that this system knows; write it as 'Europe/Berlin'") from None


def zone_text(value: str) -> str:
    """*value*, where it names a time zone.

    Raises:
        ValueError: as ``zone``.
    """
    zone(value)
    return value


class RouteSettings(Section):
    """What goes to some outputs: all that is given must fit. An output in no route gets all from its `min_severity`."""

    to: tuple[Slug, ...] = Field(min_length=1, description="Names of outputs; they get what their routes let through")
    kinds: tuple[Kind, ...] = Field(
        default=(),
        description="Only these; empty: incidents as the rest says, and every alert about the sensor itself",
    )
    severities: tuple[Severity, ...] = Field(default=(), description="Only these; empty: all, as for the rest below")
    vendors: tuple[str, ...] = Field(default=(), description="Only services of these vendors")
    classes: tuple[ServiceClass, ...] = Field(default=(), description="Only services of these classes")
    signatures: tuple[str, ...] = Field(default=(), description="Only these services, by signature id")
    groups: tuple[str, ...] = Field(default=(), description="Only clients in one of these groups (`clients.groups`)")
    hours: tuple[Annotated[str, AfterValidator(_hours_text)], ...] = Field(
        default=(),
        description="Only then, as in `Mon-Fri 08:00-18:00`; escalations and the end of what was told come at any hour",
    )
    timezone: Annotated[str, AfterValidator(zone_text)] = Field(default="UTC", description="The time zone of `hours`")

    @model_validator(mode="after")
    def _can_fit(self) -> Self:
        of_incidents = (self.vendors, self.classes, self.signatures, self.groups)
        if self.kinds and Kind.INCIDENT not in self.kinds and any(of_incidents):
            raise ValueError(
                "an alert about the sensor has no vendor, class, signature or group; name kind incident too"
            )
        return self

    def as_route(self) -> Route:
        """The same, as the alerts need it."""
        return Route(
            kinds=frozenset(self.kinds),
            severities=frozenset(self.severities),
            vendors=frozenset(vendor.lower() for vendor in self.vendors),
            classes=frozenset(self.classes),
            signatures=frozenset(self.signatures),
            groups=frozenset(self.groups),
            hours=tuple(map(parse_hours, self.hours)),
            zone=zone(self.timezone),
        )
