"""The JSON Schema of our own form of alerts about the sensor itself, which stand among the others in a file."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from egret.alerts.sensor import SENSOR_SCHEMA, Problem, Turn
from egret.model import Severity

_ABOUT = (
    "What files, syslog and the journal hold beside alerts about incidents, told by `schema`. The number after "
    "the slash rises only when a reader of the old form would misread the new one; fields and problems may be added."
)
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$", "description": "UTC"}


def sensor_schema() -> dict[str, Any]:
    """The schema of one alert."""
    problems = ", ".join(problem.value for problem in Problem)
    fields = {
        "schema": {"const": SENSOR_SCHEMA},
        "kind": {"const": "sensor"},
        "id": {"type": "string", "description": "The idempotency key: equal ids are the same alert"},
        "action": _one_of(Turn),
        "time": _TIME,
        "since": _TIME | {"description": "UTC; when the problem was found first"},
        "severity": _one_of(Severity),
        "problem": {"type": "string", "description": f"One of: {problems}; later ones may know more"},
        "subject": {
            "type": "string",
            "description": "Which interface, output or database; may be empty",
        },
        "text": {"type": "string", "description": "What is amiss"},
        "advice": {"type": "string", "description": "What to do"},
        "sensor": {
            "type": "object",
            "required": ["version", "hostname"],
            "properties": {"version": {"type": "string"}, "hostname": {"type": ["string", "null"]}},
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SENSOR_SCHEMA.replace('.', ':').replace('/', ':')}",
        "title": "Egret alert about the sensor itself",
        "description": _ABOUT,
        "type": "object",
        "required": list(fields),
        "properties": fields,
    }


def sensor_schema_text() -> str:
    """The file ``docs/sensor-alert.schema.json``."""
    return json.dumps(sensor_schema(), indent=1) + "\n"


def _one_of(words: type[StrEnum]) -> dict[str, Any]:
    return {"enum": [word.value for word in words]}
