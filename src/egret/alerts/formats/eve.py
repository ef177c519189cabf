"""As Suricata's EVE: what reads its alerts reads ours. Small: lists are cut, the whole is in our own form.

Flow fields are those of the newest server; ``src_port`` is not kept, so the Community ID joins to the flow. Severity
runs the other way there: 1 is the gravest.
Ref: Suricata user guide, EVE JSON format: common section, alert, tls, dns; community_id.
"""

from __future__ import annotations

import zlib
from typing import Any

from egret.alerts.codec import hosting_to_dict, operator_to_dict
from egret.alerts.formats.protocols import named_by, transport
from egret.alerts.formats.text import headline, main_host
from egret.alerts.model import Alert, Incident, Sensor
from egret.alerts.timestamps import rfc3339
from egret.alerts.veil import clear
from egret.model import Protocol, Severity

GID = 32473  # not 1, under which Suricata's own signatures are; the number that RFC 5612 keeps for documentation
_SEVERITY = {Severity.CRITICAL: 1, Severity.HIGH: 1, Severity.MEDIUM: 2, Severity.LOW: 3, Severity.INFO: 4}
_SHOWN = 8  # hosts, reasons


def alert_to_eve(alert: Alert, sensor: Sensor) -> dict[str, Any]:
    """Give *alert* in the field names of EVE."""
    incident = alert.incident
    event = {
        "timestamp": _time(alert.time_ns),
        "event_type": "alert",
        "host": sensor.hostname,
        "in_iface": incident.interfaces[-1] if incident.interfaces else None,
        "src_ip": clear(incident.client),
        **_server(incident),
        **_protocols(incident),
        "community_id": incident.community_id,
        "alert": _alert(alert),
        "flow": _flow(incident),
        "egret": _egret(alert),
    }
    return {key: value for key, value in event.items() if value is not None}


def _time(time_ns: int) -> str:
    return f"{rfc3339(time_ns)[:26]}+0000"


def _server(incident: Incident) -> dict[str, Any]:
    if not incident.servers:
        return {}
    return {"dest_ip": incident.servers[-1].ip, "dest_port": incident.servers[-1].port}


def _protocols(incident: Incident) -> dict[str, Any]:
    """The protocol that named the flow, and the name where EVE has it."""
    seen, host = named_by(incident), main_host(incident)
    if seen is None:
        return {"proto": None if incident.servers else "UDP"}
    named = {
        Protocol.DNS: {"dns": {"type": "query", "rrname": host}},
        Protocol.HTTP: {"http": {"hostname": host}},
        Protocol.TLS: {"tls": {"sni": host}},
        Protocol.QUIC: {"quic": {"sni": host}},
    }
    return {"proto": transport(incident), "app_proto": seen.value, **(named.get(seen, {}) if host else {})}


def _alert(alert: Alert) -> dict[str, Any]:
    incident = alert.incident
    return {
        "action": "allowed",
        "gid": GID,
        "signature_id": zlib.crc32(incident.signature.encode("utf-8", "replace")),
        "rev": 1,
        "signature": f"{incident.service} ({incident.vendor})",
        "category": incident.category.value,
        "severity": _SEVERITY[alert.severity],
        "metadata": {  # lists of texts, as there
            "signature": [incident.signature],
            "class": [incident.service_class.value],
            "severity": [alert.severity.value],
            "score": [str(incident.score)],
        },
    }


def _flow(incident: Incident) -> dict[str, Any]:
    counted = {"bytes_toserver": incident.bytes_out, "bytes_toclient": incident.bytes_in}
    return {"start": _time(incident.first_ns), **{key: value for key, value in counted.items() if value is not None}}


def _egret(alert: Alert) -> dict[str, Any]:
    """What EVE has no name for."""
    incident = alert.incident
    return {
        "id": alert.id,
        "incident": incident.id,
        **({"page": incident.page} if incident.page else {}),
        "action": alert.action.value,
        "sequence": alert.sequence,
        "message": headline(alert),
        "client": incident.client_name or incident.client,
        "evidence": incident.evidence.value,
        "operator": operator_to_dict(incident.operator),
        "hosting": hosting_to_dict(incident.hosting),
        "hosts": list(incident.hosts[-_SHOWN:]),
        "reasons": list(incident.reasons[:_SHOWN]),
        "alternatives": list(incident.alternatives[:_SHOWN]),
        "connections": incident.connections,
        "lookups": incident.lookups,
        "first": rfc3339(incident.first_ns),
        "last": rfc3339(incident.last_ns),
    }
