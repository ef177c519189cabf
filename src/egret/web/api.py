"""The status as JSON; ``openapi.json`` describes it, and a test holds the two together."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from egret.alerts.codec import incident_to_dict
from egret.alerts.selection import MAX_WORDS, Selection
from egret.alerts.sensor import Standing
from egret.alerts.timestamps import rfc3339
from egret.alerts.veil import is_pseudonym
from egret.model import ServiceClass, Severity
from egret.names import address_text, printable
from egret.store.evidence import Kept
from egret.telemetry.coverage import LINK_DOWN, LINK_SILENT, PARTS, Interval, Length
from egret.web.status import (
    DatabaseStatus,
    IncidentPage,
    IncidentState,
    SinkStatus,
    StatusView,
    Story,
    Told,
    coverage,
    deliveries,
    hints,
    loss,
)

DEFAULT_LIMIT = 100
MAX_LIMIT = 500
MAX_INTERVALS = 1_000  # more than the ledger holds
MAX_OFFSET = 1_000_000
MAX_TEXT = 200  # characters of what is searched for, and of names
MAX_CLIENT = 200  # characters; a pseudonym has some 30


class BadQuery(ValueError):
    """A query parameter that cannot be used; the text is for whoever asked."""


def status_json(view: StatusView) -> dict[str, Any]:
    """``/api/v1/status``."""
    facts, telemetry = view.facts(), view.telemetry
    lost, covered = loss(telemetry), coverage(telemetry)
    return {
        "version": facts.version,
        "time": rfc3339(facts.now_ns),
        "started": rfc3339(facts.started_ns),
        "ready": facts.readiness.ready,
        "not_ready_because": [printable(reason) for reason in facts.readiness.reasons],
        "watching": {
            "why_here": facts.why_here,
            "inside": list(facts.inside),
            "links": [asdict(link) for link in facts.links],
        },
        "catalog": {
            "version": facts.catalog_version,
            "signatures": facts.catalog_signatures,
            "last_reviewed": facts.catalog_last_reviewed or None,
        },
        "geoip": [_database(database) for database in facts.databases],
        "coverage": {
            "connections": covered.connections,
            "named_share": covered.share,
            "named_by": {by.value: number for by, number in covered.by_name.items()},
            "nameless": {why.value: number for why, number in covered.nameless.items()},
        },
        "loss": {
            "packets_received": lost.received,
            "packets_dropped": {stage.value: number for stage, number in lost.dropped.items()},
            "messages_dropped": lost.messages,
        },
        "outputs": [_output(view, sink) for sink in facts.sinks],
        "store": {"path": facts.store_path, "error": facts.store_error and printable(facts.store_error)},
        "problems": [_problem(standing) for standing in facts.problems],
        "hints": hints(telemetry),
    }


def _problem(standing: Standing) -> dict[str, Any]:
    finding = standing.finding
    return {
        "problem": finding.problem.value,
        "subject": printable(finding.subject),
        "severity": finding.severity.value,
        "since": rfc3339(standing.since_ns),
        "text": printable(finding.text),
        "advice": printable(finding.advice),
    }


def _output(view: StatusView, sink: SinkStatus) -> dict[str, Any]:
    return {
        "name": sink.name,
        "queue_length": sink.queue_length,
        "circuit": sink.circuit,
        "last_error": None if sink.last_error is None else printable(sink.last_error),
        **{outcome.value: number for outcome, number in deliveries(view.telemetry, sink.name).items()},
    }


def _database(database: DatabaseStatus) -> dict[str, Any]:
    return {
        "name": database.name,
        "built": rfc3339(int(database.built_s) * 1_000_000_000),
        "attribution": database.attribution,
    }


def incidents_json(page: IncidentPage, offset: int) -> dict[str, Any]:
    """``/api/v1/incidents``; *next_offset* is null on the last page."""
    following = offset + len(page.incidents)
    return {
        "total": page.total,
        "offset": offset,
        "next_offset": following if page.incidents and following < page.total else None,
        "incidents": [incident_to_dict(incident) for incident in page.incidents],
    }


def evidence_json(kept: Kept) -> dict[str, Any]:
    """``/api/v1/incidents/{incident}/evidence``: the record, and the capture in base64."""
    return {"record": kept.record, "pcapng": b64encode(kept.capture).decode()}


def story_json(story: Story) -> dict[str, Any]:
    """``/api/v1/incidents/{incident}``: the incident, its alerts, and what was kept to prove it."""
    return {
        "incident": incident_to_dict(story.incident),
        "alerts": [_told(told) for told in story.told],
        "evidence": None if story.record is None else dict(story.record),
    }


def _told(told: Told) -> dict[str, Any]:
    alert = told.alert
    previous = alert.previous_severity
    return {
        "id": alert.id,
        "action": alert.action.value,
        "sequence": alert.sequence,
        "time": rfc3339(alert.time_ns),
        "severity": alert.severity.value,
        "previous_severity": previous.value if previous else None,
        "outputs": [
            {"name": name, "state": standing.state.value, "detail": printable(standing.detail)}
            for name, standing in told.deliveries.items()
        ],
    }


def coverage_json(rows: Sequence[Interval], length: Length) -> dict[str, Any]:
    """``/api/v1/coverage``; *rows* are the oldest first, and so are the intervals."""
    return {"interval_seconds": length.value, "intervals": [_interval(row) for row in rows]}


def _interval(row: Interval) -> dict[str, Any]:
    return {
        "start": rfc3339(row.start_s * 1_000_000_000),
        "watched_seconds": row.seconds,
        "connections": row.connections,
        "named_share": row.share,
        **{part: dict(row.part(part)) for part in (*PARTS, LINK_DOWN, LINK_SILENT)},
    }


def read_length(text: str | None) -> Length:
    """Which intervals a query wants.

    Raises:
        BadQuery: a length that is none.
    """
    try:
        return Length[(text or Length.HOUR.name).upper()]
    except KeyError:
        raise BadQuery(f"interval must be one of {', '.join(each.name.lower() for each in Length)}") from None


def read_number(text: str | None, name: str, default: int, highest: int) -> int:
    """A whole number of a query, 0 to *highest*.

    Raises:
        BadQuery: it is none.
    """
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or int(text) > highest:
        raise BadQuery(f"{name} must be a whole number from 0 to {highest}")
    return int(text)


def read_client(text: str | None) -> str | None:
    """Whose incidents a query wants: an address in its usual form, or a pseudonym; None: everybody's.

    Raises:
        BadQuery: it is neither.
    """
    if text is None:
        return None
    text = text.strip(" ")  # as it is typed into a form
    if is_pseudonym(text) and len(text) <= MAX_CLIENT and text == printable(text):
        return text
    try:
        return address_text(ipaddress.ip_address(text.partition("%")[0]).packed)
    except ValueError:
        raise BadQuery("client must be an address, or a pseudonym as incidents show it") from None


def read_selection(query: Mapping[str, str]) -> Selection:
    """Which incidents a query wants; an empty value is none.

    Raises:
        BadQuery: something in it cannot be used.
    """
    severity, service_class = query.get("severity") or None, query.get("class") or None
    if severity is not None and severity not in set(Severity):
        raise BadQuery(f"severity must be one of {', '.join(Severity)}")
    if service_class is not None and service_class not in set(ServiceClass):
        raise BadQuery(f"class must be one of {', '.join(ServiceClass)}")
    words = _short(query, "q").split()
    if len(words) > MAX_WORDS:
        raise BadQuery(f"q may have {MAX_WORDS} words")
    return Selection(
        severity=None if severity is None else Severity(severity),
        service_class=None if service_class is None else ServiceClass(service_class),
        vendor=_short(query, "vendor") or None,
        group=_short(query, "group") or None,
        client=read_client(query.get("client") or None),
        words=tuple(words),
    )


def _short(query: Mapping[str, str], name: str) -> str:
    value = query.get(name, "")
    if len(value) > MAX_TEXT:
        raise BadQuery(f"{name} may have {MAX_TEXT} characters")
    return value


def read_state(text: str | None) -> IncidentState:
    """Which incidents a query wants.

    Raises:
        BadQuery: a state that is none.
    """
    try:
        return IncidentState(text or IncidentState.OPEN)
    except ValueError:
        raise BadQuery(f"state must be one of {', '.join(IncidentState)}") from None
