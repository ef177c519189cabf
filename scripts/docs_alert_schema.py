"""The JSON Schema of our own alert form: the API's incident, which tests hold against every answer, in its envelope."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

from egret.alerts.model import SCHEMA_VERSION, Action, CloseReason, Evidence
from egret.model import Category, IdentitySource, Role, ServiceClass, Severity, VolumeSource

_OPENAPI = Path(__file__).resolve().parent.parent / "src/egret/web/openapi.json"
_PARTS = ("Incident", "Server", "Operator", "Hosting")
_CLOSED: dict[str, type[StrEnum]] = {
    "category": Category,
    "class": ServiceClass,
    "severity": Severity,
    "evidence": Evidence,
    "client_name_source": IdentitySource,
    "client_role": Role,
    "volume_source": VolumeSource,
    "close_reason": CloseReason,
}
_OPTIONAL = ("client_role", "volume_source", "close_reason")
_ABOUT = (
    "One line of `outputs.file.format: jsonl`, of `egret replay --format jsonl` and of syslog's `jsonl`. The number "
    "after the slash rises only when a reader of the old form would misread the new one; fields may be added, so "
    "readers ignore those that they do not know."
)
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$", "description": "UTC"}


def alert_schema() -> dict[str, Any]:
    """The schema of one alert."""
    parts = json.loads(_OPENAPI.read_text(encoding="utf-8"))["components"]["schemas"]
    definitions = {name: _open(parts[name]) for name in _PARTS}
    for name, words in _CLOSED.items():
        definitions["Incident"]["properties"][name] = _one_of(words, nullable=name in _OPTIONAL)
    for name in ("first", "last", "alerted"):
        definitions["Incident"]["properties"][name] = _TIME
    envelope = {
        "schema": {"const": f"egret.alert/{SCHEMA_VERSION}"},
        "id": {"type": "string", "description": "The idempotency key: equal ids are the same alert"},
        "action": _one_of(Action),
        "sequence": {"type": "integer", "minimum": 1, "description": "1 for the first alert of an incident"},
        "time": _TIME,
        "severity": _one_of(Severity),
        "previous_severity": _one_of(Severity, nullable=True),
        "incident": {"$ref": "#/$defs/Incident"},
        "sensor": {
            "type": "object",
            "required": ["version", "hostname"],
            "properties": {"version": {"type": "string"}, "hostname": {"type": ["string", "null"]}},
        },
        "truncated": {
            "const": True,
            "description": "There where lists and texts were cut to a receiver's largest message",
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:egret:alert:{SCHEMA_VERSION}",
        "title": "Egret alert",
        "description": _ABOUT,
        "type": "object",
        "required": [name for name in envelope if name != "truncated"],
        "properties": envelope,
        "$defs": definitions,
    }


def alert_schema_text() -> str:
    """The file ``docs/alert.schema.json``."""
    return json.dumps(alert_schema(), indent=1) + "\n"


def _one_of(words: type[StrEnum], *, nullable: bool = False) -> dict[str, Any]:
    values: list[str | None] = [word.value for word in words]
    return {"enum": [*values, None] if nullable else values}


def _open(value: Any) -> Any:
    """What the API promises to the letter, a reader of files takes with fields added."""
    if isinstance(value, dict):
        kept = {key: _open(item) for key, item in value.items() if (key, item) != ("additionalProperties", False)}
        if "$ref" in kept:
            kept["$ref"] = kept["$ref"].replace("#/components/schemas/", "#/$defs/")
        return kept
    return [_open(item) for item in value] if isinstance(value, list) else value
