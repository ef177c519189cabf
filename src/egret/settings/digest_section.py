"""``outputs.digest``: the daily digest."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from egret.settings.routing_section import zone_text
from egret.settings.sections import Section
from egret.settings.values import Slug

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def parse_clock(value: object) -> time:
    """Read a time of day as ``07:00``.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, time):
        return value
    found = _CLOCK.fullmatch(str(value).strip())
    if not found:
        raise ValueError(f"'{value}' is no time of day; write it as \"07:00\"")
    return time(int(found[1]), int(found[2]))


Clock = Annotated[
    time,
    BeforeValidator(parse_clock),
    PlainSerializer(lambda value: f"{value:%H:%M}"),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$", "examples": ["07:00"]}),
]


class DigestSettings(Section):
    """One message a day: what clients used for the first time, approved and tolerated use, how well Egret saw."""

    to: tuple[Slug, ...] = Field(
        default=(), description="Names of outputs that get it, whatever their routes and `min_severity`; empty: none"
    )
    at: Clock = Field(default=time(7), description="When the digest of a day is sent: at this time of the next day")
    timezone: Annotated[str, AfterValidator(zone_text)] = Field(
        default="UTC", description="Time zone of `at` and of the day itself"
    )
    quiet_days: bool = Field(default=True, description="Send it also where there is nothing to tell, and say so")
