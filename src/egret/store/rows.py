"""Incidents and alerts as rows."""

from __future__ import annotations

import json

from egret.alerts.codec import alert_head, incident_to_dict
from egret.alerts.model import Alert, Incident

INSERT_INCIDENT = "INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_LATEST_NS = 2**63 - 1  # what SQLite can hold; a capture may claim later times
_text = json.JSONEncoder(separators=(",", ":")).encode


class Rows:
    """The rows of one transaction. An incident is spelt once: its own row and those of its alerts have the same text.

    Incidents must be kept by whoever asks, as long as this is.
    """

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}  # by the object: an alert has its incident as it was

    def incident(self, incident: Incident) -> tuple[object, ...]:
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
            _with(self._text(incident), "told", _text(incident.told)),
        )

    def alert(self, alert: Alert) -> tuple[object, ...]:
        """All columns of ``alerts``."""
        body = _with(_text(alert_head(alert)), "incident", self._text(alert.incident))
        return (alert.id, alert.incident.id, alert.sequence, int64(alert.time_ns), alert.severity.rank, body)

    def _text(self, incident: Incident) -> str:
        text = self._texts.get(id(incident))
        if text is None:
            text = self._texts[id(incident)] = _text(incident_to_dict(incident))
        return text


def _with(text: str, name: str, value: str) -> str:
    """The JSON object *text* with one more value, JSON as well."""
    return f'{text[:-1]},"{name}":{value}}}'


def int64(time_ns: int) -> int:
    """*time_ns*, or the nearest that SQLite holds."""
    return max(-_LATEST_NS, min(time_ns, _LATEST_NS))
