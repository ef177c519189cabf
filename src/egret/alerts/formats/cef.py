r"""Common Event Format, version 0: one line for ArcSight and whatever else reads it.

Escapes: ``\\`` and ``\|`` in the header, ``\\`` and ``\=`` in the extension. Line ends never come so far: they are
spelled out before (``inert``).
Ref: Micro Focus, Implementing ArcSight Common Event Format, version 25: header, extension dictionary, lengths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from egret.alerts.formats.inert import cut, fitting, inert
from egret.alerts.formats.protocols import named_by, transport
from egret.alerts.formats.text import headline, hosting_text, main_host, operator_text
from egret.alerts.model import Alert, Incident, Sensor
from egret.alerts.veil import clear
from egret.model import Severity

SEVERITY = {Severity.INFO: 1, Severity.LOW: 3, Severity.MEDIUM: 5, Severity.HIGH: 8, Severity.CRITICAL: 10}
_OUTBOUND = 1  # of deviceDirection
_V6_LABELS = {"c6a2": "Source IPv6 Address", "c6a3": "Destination IPv6 Address"}  # version 0: src and dst are IPv4


def alert_to_cef(alert: Alert, sensor: Sensor, limit: int | None = None) -> str:
    """Give *alert* as one line, without a line end.

    Args:
        alert: what to say.
        sensor: who says it.
        limit: most bytes of the line; the extension's least important fields make room. None: no bound.
    """
    incident = alert.incident
    name = f"{incident.service} ({incident.vendor})"
    head = (sensor.version, incident.signature, name, str(SEVERITY[alert.severity]))
    return cef_line(head, _extension(alert, sensor), limit)


def cef_line(head: Iterable[str], extension: Iterable[tuple[str, object]], limit: int | None) -> str:
    """Write a line: *head* is version, signature, name and severity; of *extension* what fits."""
    line = "|".join(["CEF:0", "Egret", "egret", *(_in_header(cut(field, 255)) for field in head)]) + "|"
    room = None if limit is None else limit - len(line.encode("utf-8"))
    return line + " ".join(fitting(extension, _in_extension, room))


def _in_header(text: str) -> str:
    return inert(text).replace("\\", "\\\\").replace("|", "\\|")


def _in_extension(text: str) -> str:
    return inert(text).replace("\\", "\\\\").replace("=", "\\=").strip()


def _extension(alert: Alert, sensor: Sensor) -> Iterator[tuple[str, object]]:
    """The fields, the most important first."""
    incident = alert.incident
    yield "rt", alert.time_ns // 1_000_000
    yield "externalId", incident.id
    yield "act", alert.action.value
    yield from _address("src", "c6a2", clear(incident.client))
    yield "shost", incident.client_name or (None if clear(incident.client) else incident.client)
    yield "dhost", main_host(incident)
    yield from _server(incident)
    yield "proto", transport(incident)
    seen = named_by(incident)
    yield "app", seen.value.upper() if seen else None
    yield "cat", incident.service_class.value
    yield "deviceDirection", _OUTBOUND
    yield _labelled("cs1", "operator"), operator_text(incident.operator)
    yield _labelled("cs2", "hosting"), hosting_text(incident.hosting)
    yield _labelled("cs3", "communityId"), incident.community_id
    yield _labelled("cs4", "alert"), alert.id
    yield _labelled("cn1", "score"), incident.score
    yield _labelled("cn2", "sequence"), alert.sequence
    yield "msg", headline(alert)
    yield "reason", incident.reasons[0] if incident.reasons else None
    yield from _counts(incident)
    yield "dvchost", sensor.hostname
    yield "deviceInboundInterface", incident.interfaces[-1] if incident.interfaces else None
    yield _labelled("cs6", "page"), incident.page
    yield _labelled("cs5", "alternatives"), ", ".join(incident.alternatives)


def _address(key: str, v6_key: str, ip: str | None) -> Iterator[tuple[str, object]]:
    if ip is None or ":" not in ip:
        yield key, ip
        return
    yield _labelled(v6_key, _V6_LABELS[v6_key]), ip


def _server(incident: Incident) -> Iterator[tuple[str, object]]:
    if incident.servers:
        server = incident.servers[-1]
        yield from _address("dst", "c6a3", server.ip)
        yield "dpt", server.port


def _counts(incident: Incident) -> Iterator[tuple[str, object]]:
    yield "out", incident.bytes_out
    yield "in", incident.bytes_in
    yield "start", incident.first_ns // 1_000_000
    yield "end", incident.last_ns // 1_000_000
    yield "cnt", incident.detections
    yield "smac", clear(incident.client_mac)


def _labelled(key: str, label: str) -> str:
    """A custom field is two, and its value would say nothing without the label."""
    return f"{key}Label={label} {key}"
