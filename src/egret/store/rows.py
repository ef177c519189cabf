"""Incidents and alerts as rows."""

from __future__ import annotations

import json

from egret.alerts.codec import alert_to_dict, incident_to_dict
from egret.alerts.model import Alert, Incident

INSERT_INCIDENT = "INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_LATEST_NS = 2**63 - 1  # what SQLite can hold; a capture may claim later times


def incident_row(incident: Incident) -> tuple[object, ...]:
    """For ``INSERT_INCIDENT``."""
    closed = incident.closed_ns
    return (
        incident.id,
        incident.client,
        incident.signature,
        incident.severity.rank,
        int64(incident.first_ns),
        int64(incident.last_ns),
        None if closed is None else int64(closed),
        json.dumps({**incident_to_dict(incident), "told": incident.told}, separators=(",", ":")),
    )


def alert_row(alert: Alert) -> tuple[object, ...]:
    """All columns of ``alerts``."""
    body = json.dumps(alert_to_dict(alert), separators=(",", ":"))
    return (alert.id, alert.incident.id, alert.sequence, int64(alert.time_ns), alert.severity.rank, body)


def int64(time_ns: int) -> int:
    """*time_ns*, or the nearest that SQLite holds."""
    return max(-_LATEST_NS, min(time_ns, _LATEST_NS))
