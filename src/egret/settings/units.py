"""Values with a unit: ``30m``, ``90d``, ``8MB``. A bare number is an error: nobody can tell what it counts.

Durations become ``timedelta`` (no unit to confuse), sizes become bytes. The text forms round-trip: what
``check --effective`` prints could have been written by an operator.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_DURATION_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}  # in ms
# KB is 1024 bytes, as rings and kernel buffers are counted
_SIZE_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_NUMBER_AND_UNIT = re.compile(r"(\d{1,9})\s*([A-Za-z]*)", re.ASCII)
_MAX_DURATION_MS = 3_650 * 86_400_000  # ten years: beyond it a typing error is likelier than a wish


class Bytes(int):
    """A number of bytes that was already read, so that checking it again does not ask for its unit."""


def parse_duration(value: object) -> timedelta:
    """Read ``30m`` (ms, s, m, h, d, w); at most ten years.

    Raises:
        ValueError: no unit, an unknown unit, or too long; says what to write instead.
    """
    if isinstance(value, timedelta):
        return value
    number, unit = _split(value, "a duration", '"30s", "5m", "1h", "90d"')
    if unit not in _DURATION_UNITS:
        raise ValueError(f"unknown unit of time '{unit}'; write one of ms, s, m, h, d, w, as in \"30m\"")
    milliseconds = number * _DURATION_UNITS[unit]
    if milliseconds > _MAX_DURATION_MS:
        raise ValueError("a duration of more than ten years; write less")
    return timedelta(milliseconds=milliseconds)


def parse_size(value: object) -> Bytes:
    """Read ``8MB`` (B, KB, MB, GB; KB is 1024 bytes) as bytes.

    Raises:
        ValueError: no unit or an unknown one; says what to write instead.
    """
    if isinstance(value, Bytes):
        return value
    number, unit = _split(value, "a size", '"64KB", "8MB"')
    factor = _SIZE_UNITS.get(unit.upper())
    if factor is None:
        raise ValueError(f"unknown unit of size '{unit}'; write one of B, KB, MB, GB, as in \"8MB\"")
    return Bytes(number * factor)


def _split(value: object, what: str, examples: str) -> tuple[int, str]:
    found = _NUMBER_AND_UNIT.fullmatch(str(value).strip()) if isinstance(value, str | int | float) else None
    if found is None:
        raise ValueError(f"not {what}; write a number and a unit, as in {examples}")
    if not found[2]:
        raise ValueError(f"{what} needs a unit; write it as in {examples}")
    return int(found[1]), found[2]


def duration_text(value: timedelta) -> str:
    """The shortest text that reads back as *value*: ``90m`` stays 90m, 24h is ``1d``."""
    milliseconds = round(value.total_seconds() * 1000)
    if milliseconds == 0:
        return "0s"
    units = sorted(_DURATION_UNITS.items(), key=lambda item: -item[1])
    # weeks are read but never written: 90d says more than 12w and 6d together
    return next(f"{milliseconds // size}{unit}" for unit, size in units if unit != "w" and milliseconds % size == 0)


def size_text(value: int) -> str:
    """The shortest text that reads back as *value* bytes."""
    units = sorted(_SIZE_UNITS.items(), key=lambda item: -item[1])
    return next(f"{value // size}{unit}" for unit, size in units if value % size == 0 and (value or unit == "B"))


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(duration_text),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,9}\s*(ms|s|m|h|d|w)$", "examples": ["30s", "1h", "90d"]}),
]
Size = Annotated[
    Bytes,
    BeforeValidator(parse_size),
    PlainSerializer(size_text),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,9}\s*([KMG]?B|[kmg]?b)$", "examples": ["64KB", "8MB"]}),
]
