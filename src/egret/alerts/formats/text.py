"""Alerts for people: one line, or a few. Nothing from the wire gets through unescaped."""

from __future__ import annotations

from collections.abc import Iterable

from egret.alerts.formats.client import client_line, client_text, role_text
from egret.alerts.model import Alert, Evidence, Incident
from egret.alerts.rulings import ruling_text
from egret.alerts.timestamps import rfc3339
from egret.alerts.volume import volume_text
from egret.model import Hosting, Operator
from egret.names import printable

_SHOWN = 3  # hosts and reasons in a short text


def one_line(alert: Alert) -> str:
    """Write an alert as one printable line, without a line end."""
    second = f"{rfc3339(alert.time_ns)[:19]}Z"
    return f"{second} {alert.severity.value.upper():<8} {alert.action.value:<9} {headline(alert)}"


def headline(alert: Alert) -> str:
    """Say in one sentence who reached what, under whose law, and where it lands."""
    incident = alert.incident
    parts = [f"{client_text(incident)} {_verb(incident)} {incident.service} ({incident.vendor})", _where(incident)]
    return printable("; ".join([*parts, operator_text(incident.operator), *_notes(alert)]))


def _verb(incident: Incident) -> str:
    return "connected to" if incident.evidence is Evidence.CONNECTION else "looked up"


def _where(incident: Incident) -> str:
    host = main_host(incident) or "no name"
    if not incident.servers:
        return host
    server = incident.servers[-1]
    address = f"[{server.ip}]" if ":" in server.ip else server.ip
    return f"{host} at {address}:{server.port}, {hosting_text(server.hosting)}"


def main_host(incident: Incident) -> str | None:
    """The name to show: of the newest server, else the newest that was looked up."""
    for server in reversed(incident.servers):
        if server.host:
            return server.host
    return incident.hosts[-1] if incident.hosts else None


def first_url(references: Iterable[str]) -> str | None:
    """The first reference that is a URL: others name a source in words."""
    return next((url for url in references if url.startswith(("https://", "http://"))), None)


def hosting_text(hosting: Hosting) -> str:
    """Say where an address is, as far as a database knows."""
    if hosting.source is None and hosting.country is None:
        return "hosting unknown"
    network = f"AS{hosting.asn} {hosting.as_org or ''}".strip() if hosting.asn is not None else hosting.as_org
    return " ".join(part for part in ("hosted", hosting.country or "country unknown", network) if part)


def operator_text(operator: Operator) -> str:
    """Say whose law reaches the operator; never where its servers are."""
    contested = ", contested" if operator.contested else ""
    return f"operator {operator.country or 'unknown'}{contested}"


def _notes(alert: Alert) -> list[str]:
    incident, notes = alert.incident, []
    if role := role_text(incident):
        notes.append(role)
    if incident.evidence is Evidence.LOOKUP:
        notes.append("no connection seen")
    if alert.previous_severity is not None:
        notes.append(f"was {alert.previous_severity.value}")
    if ruling := ruling_text(incident.approval):
        notes.append(ruling)
    if alert.sequence > 1:
        notes.append(counts_text(incident))
    if (volume := volume_text(incident)) is not None:
        notes.append(volume)
    if incident.close_reason is not None:
        notes.append(f"closed: {incident.close_reason.value}")
    return notes


def counts_text(incident: Incident) -> str:
    """Say how much was seen."""
    return f"{_count(incident.connections, 'connection')}, {_count(incident.lookups, 'look-up')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def several_lines(alert: Alert) -> list[str]:
    """Write an alert as printable lines for a terminal: the line, then what explains it, indented."""
    incident = alert.incident
    hosts = ", ".join(incident.hosts[:_SHOWN])
    more = len(incident.hosts) - _SHOWN + incident.hosts_more
    lines = [
        ("client", client_line(incident)),
        ("hosts", f"{hosts} and {more} more" if more > 0 else hosts),
        *(("why", reason) for reason in incident.reasons[:_SHOWN]),
        ("instead", ", ".join(incident.alternatives)),
        ("incident", incident.id),
        ("page", incident.page),
    ]
    return [one_line(alert), *(f"    {label:<9}{printable(text)}" for label, text in lines if text)]
