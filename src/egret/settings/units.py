"""Durations: ``30m``, ``90d``. A bare number is an error: nobody can tell what it counts.

They become ``timedelta`` (no unit to confuse). The text forms round-trip: what ``check --effective`` prints could have
been written by an operator.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_DURATION_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}  # in ms
_NUMBER_AND_UNIT = re.compile(r"(\d{1,9})\s*([A-Za-z]*)", re.ASCII)
_EXAMPLES = '"30s", "5m", "1h", "90d"'
_MAX_DURATION_MS = 3_650 * 86_400_000  # ten years: beyond it a typing error is likelier than a wish


def parse_duration(value: object) -> timedelta:
    """Read ``30m`` (ms, s, m, h, d, w); at most ten years.

    Raises:
        ValueError: no unit, an unknown unit, or too long; says what to write instead.
    """
    if isinstance(value, timedelta):
        return value
    found = _NUMBER_AND_UNIT.fullmatch(str(value).strip()) if isinstance(value, str | int | float) else None
    if found is None:
        raise ValueError(f"not a duration; write a number and a unit, as in {_EXAMPLES}")
    number, unit = int(found[1]), found[2]
    if not unit:
        raise ValueError(f"a duration needs a unit; write it as in {_EXAMPLES}")
    if unit not in _DURATION_UNITS:
        raise ValueError(f"unknown unit of time '{unit}'; write one of ms, s, m, h, d, w, as in \"30m\"")
    milliseconds = number * _DURATION_UNITS[unit]
    if milliseconds > _MAX_DURATION_MS:
        raise ValueError("a duration of more than ten years; write less")
    return timedelta(milliseconds=milliseconds)


def duration_text(value: timedelta) -> str:
    """The shortest text that reads back as *value*: ``90m`` stays 90m, 24h is ``1d``."""
    milliseconds = round(value.total_seconds() * 1000)
    if milliseconds == 0:
        return "0s"
    units = sorted(_DURATION_UNITS.items(), key=lambda item: -item[1])
    # weeks are read but never written: 90d says more than 12w and 6d together
    return next(f"{milliseconds // size}{unit}" for unit, size in units if unit != "w" and milliseconds % size == 0)


def _attempt(value: timedelta) -> timedelta:
    if not timedelta(milliseconds=100) <= value <= timedelta(minutes=5):
        raise ValueError('between "100ms" and "5m"')
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(duration_text),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,9}\s*(ms|s|m|h|d|w)$", "examples": ["30s", "1h", "90d"]}),
]
AttemptTime = Annotated[Duration, AfterValidator(_attempt)]  # how long one attempt to deliver may take
