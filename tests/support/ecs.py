"""What Elastic's own table of ECS fields says of a document; ``scripts/ecs_fields.cjs`` writes the table."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

TABLE = Path(__file__).resolve().parents[1] / "vectors" / "ecs_fields.tsv"
OURS = "egret"
MOST = 1024  # ignore_above of ECS' keywords: what is longer is kept but found by no search


class Field(NamedTuple):
    type: str
    is_array: bool
    allowed: tuple[str, ...]
    types: dict[str, set[str]]  # of event.category: the event.type values that go with each
    pattern: str


@functools.cache
def fields() -> dict[str, Field]:
    rows = (line.split("\t") for line in TABLE.read_text().splitlines()[1:])
    return {row[0]: _field(*row[1:], *[""] * (6 - len(row))) for row in rows}


def _field(kind: str, many: str, allowed: str, types: str, pattern: str) -> Field:
    by_category = (entry.partition(":") for entry in types.split())
    return Field(
        kind, many == "array", tuple(allowed.split()), {c: set(t.split(",")) for c, _, t in by_category}, pattern
    )


def faults(document: dict[str, Any]) -> list[str]:
    """What a reader of ECS would stumble over; nothing below ``egret`` is looked at."""
    event = document.get("event", {})
    known = fields()["event.category"].types
    found = [f"event.type {kind}" for kind in event["type"] if not any(kind in known[c] for c in event["category"])]
    found += [f"{name} is missing" for name in ("@timestamp", "ecs") if name not in document]
    ours = {key: value for key, value in document.items() if key != OURS}
    return found + [fault for name, value in _leaves(ours) for fault in _faults(name, value)]


def _leaves(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _leaves(item, f"{prefix}{key}.")
        else:
            yield prefix + key, item


def _faults(name: str, value: Any) -> Iterator[str]:
    field = fields().get(name)
    if field is None:
        yield f"{name} is no field of ECS"
        return
    if isinstance(value, list) != field.is_array:
        yield f"{name} is {'no ' if field.is_array else ''}array"
    for item in value if isinstance(value, list) else [value]:
        if not _IS[field.type](item):
            yield f"{name} is no {field.type}: {item!r}"
        elif field.allowed and item not in field.allowed:
            yield f"{name} may not be {item!r}"
        elif field.pattern and not re.fullmatch(field.pattern, item):
            yield f"{name} has another shape: {item!r}"


def _is_ip(value: object) -> bool:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


_IS: dict[str, Callable[[object], bool]] = {
    "keyword": lambda value: isinstance(value, str) and len(value) <= MOST,
    "match_only_text": lambda value: isinstance(value, str),
    "long": _is_whole,
    "float": _is_number,
    "scaled_float": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "ip": _is_ip,
    "date": _is_date,
    "object": lambda value: isinstance(value, dict),
    "geo_point": lambda value: isinstance(value, dict),
}
