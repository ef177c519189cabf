"""The JSON Schema of our own form of the daily digest."""

from __future__ import annotations

import json
from typing import Any

from egret.alerts.digest import DIGEST_SCHEMA
from egret.judge.approvals import ApprovalState
from egret.model import ServiceClass, Severity

_ABOUT = (
    "The digest of one day, as `jsonl` outputs and `egret alerts digest --json` give it. The number after the slash "
    "rises only when a reader of the old form would misread the new one; fields may be added, so readers ignore "
    "those that they do not know."
)
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$", "description": "UTC"}
_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_TEXTS = {"type": "array", "items": _TEXT}
_COUNT = {"type": "integer", "minimum": 0}
_COUNTS = {"type": "object", "additionalProperties": _COUNT}
_MORE = {**_COUNT, "description": "Rows that are left out"}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _rows(about: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "description": about, "items": _object(**properties)}


def digest_schema() -> dict[str, Any]:
    """The schema of one digest."""
    severities, states = [each.value for each in Severity], [each.value for each in ApprovalState]
    properties = {
        "schema": {"const": DIGEST_SCHEMA},
        "kind": {"const": "digest"},
        "id": {**_TEXT, "description": "The idempotency key: one for each sensor and day"},
        "day": {"type": "string", "format": "date"},
        "timezone": {**_TEXT, "description": "Whose midnights the day begins and ends at"},
        "time": _TIME,
        "start": _TIME,
        "end": _TIME,
        "quiet": {"type": "boolean", "description": "Nothing to tell, and the sensor watched nearly all of the day"},
        "incidents_opened": _object(**dict.fromkeys(severities, _COUNT)),
        "first_seen": _rows(
            "Clients that used a service for the first time, as far as the store remembers; oldest first",
            time=_TIME,
            client={**_TEXT, "description": "Address, or its pseudonym"},
            client_key=_TEXT,
            client_name=_TEXT_OR_NULL,
            client_groups=_TEXTS,
            signature=_TEXT,
            vendor=_TEXT,
            service=_TEXT,
            **{"class": {"enum": [each.value for each in ServiceClass]}},
            severity={"enum": severities},
            approval={"enum": states},
            incident={**_TEXT, "description": "Its id"},
        ),
        "first_seen_more": _MORE,
        "allowed": _rows(
            "Use that approvals allow, the most detections first; no client is in it",
            state={"enum": [ApprovalState.APPROVED.value, ApprovalState.TOLERATED.value]},
            signature=_TEXT,
            groups={**_TEXTS, "description": "Those that the clients are in"},
            owner={**_TEXT_OR_NULL, "description": "Of the approval"},
            ticket={**_TEXT_OR_NULL, "description": "Of the approval"},
            detections=_COUNT,
            bytes_out=_COUNT,
            bytes_in=_COUNT,
        ),
        "allowed_more": _MORE,
        "volumes": _rows(
            "Bytes by service, of all clients, from when each connection was recognised; the most sent first",
            signature=_TEXT,
            bytes_out=_COUNT,
            bytes_in=_COUNT,
        ),
        "volumes_more": _MORE,
        "sight": {
            **_object(
                watched_s={**_COUNT, "description": "Seconds of the day's whole hours (UTC) that Egret watched"},
                connections={**_COUNT, "description": "Outbound connections seen"},
                named_share={"type": ["number", "null"], "description": "The part of them that has a name, 0 to 1"},
                lost={**_COUNT, "description": "Packets and messages that were never looked at"},
                link_down_s=_COUNTS,
                link_silent_s=_COUNTS,
                canary_sent=_COUNT,
                canary_missed=_COUNT,
                problems={**_COUNTS, "description": "Alerts about the sensor itself that were raised, by problem"},
                undelivered={**_COUNTS, "description": "Deliveries that were `rejected` or `dropped`"},
            ),
            "description": "How well the sensor saw",
        },
        "sensor": _object(version=_TEXT, hostname=_TEXT_OR_NULL),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{DIGEST_SCHEMA.replace('.', ':').replace('/', ':')}",
        "title": "Egret digest",
        "description": _ABOUT,
        **_object(**properties),
    }


def digest_schema_text() -> str:
    """The file ``docs/digest.schema.json``."""
    return json.dumps(digest_schema(), indent=1) + "\n"
