"""The status as JSON; ``openapi.json`` describes it, and a test holds the two together."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from egret.alerts.codec import incident_to_dict
from egret.alerts.sensor import Standing
from egret.alerts.timestamps import rfc3339
from egret.alerts.veil import is_pseudonym
from egret.names import address_text, printable
from egret.store.evidence import Kept
from egret.telemetry.coverage import LINK_DOWN, LINK_SILENT, PARTS, Interval, Length
from egret.web.status import (
    DatabaseStatus,
    IncidentPage,
    IncidentState,
    SinkStatus,
    StatusView,
    coverage,
    deliveries,
    hints,
    loss,
)

DEFAULT_LIMIT = 100
MAX_LIMIT = 500
MAX_INTERVALS = 1_000  # more than the ledger holds
MAX_OFFSET = 1_000_000
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
    if is_pseudonym(text) and len(text) <= MAX_CLIENT and text == printable(text):
        return text
    try:
        return address_text(ipaddress.ip_address(text.partition("%")[0]).packed)
    except ValueError:
        raise BadQuery("client must be an address, or a pseudonym as incidents show it") from None


def read_state(text: str | None) -> IncidentState:
    """Which incidents a query wants.

    Raises:
        BadQuery: a state that is none.
    """
    try:
        return IncidentState(text or IncidentState.OPEN)
    except ValueError:
        raise BadQuery(f"state must be one of {', '.join(IncidentState)}") from None
