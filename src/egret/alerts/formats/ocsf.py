"""OCSF 1.5 Detection Finding (class 2004): create, update, close.

An incident is a finding, an alert is one event in its life. The schema has no place for "operator" and
its law; our own form of the incident travels whole in ``unmapped.egret``. Times are milliseconds.
Ref: OCSF schema 1.5.0, classes/detection_finding, objects/finding_info, objects/evidences.
"""

from __future__ import annotations

from typing import Any

from egret.alerts.codec import evidence_api, incident_to_dict
from egret.alerts.formats.client import ocsf_endpoint, ocsf_resource
from egret.alerts.formats.text import first_url, headline, main_host
from egret.alerts.model import Action, Alert, Incident, Sensor, Server
from egret.alerts.rulings import ruling_text
from egret.alerts.veil import is_pseudonym
from egret.model import Severity
from egret.names import printable

OCSF_VERSION = "1.5.0"
_CLASS = 2004
_ACTIVITY = {
    Action.OPENED: (1, "Create"),
    Action.ESCALATED: (2, "Update"),
    Action.UPDATED: (2, "Update"),
    Action.CLOSED: (3, "Close"),
}
SEVERITY = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
_RESOURCE = (10, "Resource UID")
_HOSTNAME, _ADDRESS = (1, "Hostname"), (2, "IP Address")  # observable.type_id
_OUTBOUND, _RULE = (2, "Outbound"), (1, "Rule")
_NEW, _OTHER = (1, "New"), (99, "Closed")  # "Resolved" would claim that somebody looked at it


def alert_to_ocsf(alert: Alert, sensor: Sensor) -> dict[str, Any]:
    """Give *alert* as an OCSF event."""
    incident = alert.incident
    activity, activity_name = _ACTIVITY[alert.action]
    severity, severity_name = SEVERITY[alert.severity]
    status, status_name = _NEW if incident.closed_ns is None else _OTHER
    event = {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"Detection Finding: {activity_name}",
        "time": _ms(alert.time_ns),
        "start_time": _ms(incident.first_ns),
        "end_time": _ms(incident.last_ns),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "is_alert": alert.action in {Action.OPENED, Action.ESCALATED},
        "risk_score": incident.score,
        "count": incident.detections,
        "message": headline(alert),
        "metadata": _metadata(alert, sensor),
        "finding_info": _finding(alert),
        "evidences": _evidences(incident),
        "observables": _observables(incident),
        "resources": [ocsf_resource(incident)],
        "unmapped": {"egret": incident_to_dict(incident)},
    }
    return event | _status_detail(incident) | _remediation(incident)


def _status_detail(incident: Incident) -> dict[str, Any]:
    """What the operator decided; absent where nobody did."""
    text = printable(ruling_text(incident.approval))
    return {"status_detail": text} if text else {}


def _metadata(alert: Alert, sensor: Sensor) -> dict[str, Any]:
    return {
        "version": OCSF_VERSION,
        "uid": alert.id,
        "sequence": alert.sequence,
        "correlation_uid": alert.incident.id,
        "event_code": f"incident-{alert.action.value}",
        "log_name": "egret.alert",
        "product": {"name": "Egret", "vendor_name": "Egret", "version": sensor.version},
        **({"loggers": [{"name": sensor.hostname}]} if sensor.hostname else {}),
    }


def _finding(alert: Alert) -> dict[str, Any]:
    incident = alert.incident
    rule, rule_name = _RULE
    return {
        "uid": incident.id,
        "title": f"{incident.service} ({incident.vendor})",
        "desc": "; ".join(incident.reasons) or headline(alert),
        "types": [incident.service_class.value, incident.category.value],
        "data_sources": sorted(incident.protocols),
        "analytic": {"uid": incident.signature, "name": incident.service, "type_id": rule, "type": rule_name},
        "created_time": _ms(incident.first_ns),
        "modified_time": _ms(alert.time_ns),
        "first_seen_time": _ms(incident.first_ns),
        "last_seen_time": _ms(incident.last_ns),
        "related_events_count": incident.detections,
        **({"src_url": incident.page} if incident.page else {}),
    }


def _evidences(incident: Incident) -> list[dict[str, Any]]:
    source = ocsf_endpoint(incident)
    connections: list[dict[str, Any]] = [
        {"src_endpoint": source, "dst_endpoint": _endpoint(server), "connection_info": _direction(incident)}
        for server in incident.servers
    ]
    lookups: list[dict[str, Any]] = [
        {"src_endpoint": source, "query": {"hostname": host}} for host in incident.hosts if incident.lookups
    ]
    if incident.community_id and (flows := connections or lookups):
        flows[-1]["connection_info"] = _direction(incident) | {"community_uid": incident.community_id}
    return [*connections, *lookups, *_traffic(incident), *_files(incident)] or [{"src_endpoint": source}]


def _files(incident: Incident) -> list[dict[str, Any]]:
    """The capture and its record, on the sensor; ``data`` says where its API has them."""
    return [
        {
            "file": {"name": path.rpartition("/")[2], "path": path, "type_id": 1, "type": "Regular File"},
            "data": {"url_path": evidence_api(incident)},
        }
        for path in incident.evidence_files
    ]


def _traffic(incident: Incident) -> list[dict[str, Any]]:
    """A finding's evidence has no place for OCSF's network_traffic object but its free ``data``."""
    sent, received = incident.bytes_out, incident.bytes_in
    if sent is None or received is None:
        return []
    traffic = {"bytes": sent + received, "bytes_out": sent, "bytes_in": received}
    return [{"src_endpoint": ocsf_endpoint(incident), "data": {"traffic": traffic}}]


def _direction(incident: Incident) -> dict[str, Any]:
    direction, name = _OUTBOUND
    version = 0 if is_pseudonym(incident.client) else 6 if ":" in incident.client else 4
    return {"direction_id": direction, "direction": name, "protocol_ver_id": version}


def _endpoint(server: Server) -> dict[str, Any]:
    hosting, endpoint = server.hosting, {"ip": server.ip, "port": server.port}
    system = {"number": hosting.asn, "name": hosting.as_org}
    known = {key: value for key, value in system.items() if value is not None}
    return {
        **endpoint,
        **({"hostname": server.host} if server.host else {}),
        **({"location": {"country": hosting.country}} if hosting.country else {}),
        **({"autonomous_system": known} if known else {}),
    }


def _observables(incident: Incident) -> list[dict[str, Any]]:
    client = [("resources[].ip", _ADDRESS, incident.client)]
    if is_pseudonym(incident.client):
        client = [("resources[].uid", _RESOURCE, uid)] if (uid := ocsf_resource(incident).get("uid")) else []
    servers = [("evidences[].dst_endpoint.ip", _ADDRESS, server.ip) for server in incident.servers]
    host = main_host(incident)
    path = "evidences[].dst_endpoint.hostname" if incident.servers else "evidences[].query.hostname"
    hosts = [(path, _HOSTNAME, host)] if host else []
    return [
        {"name": name, "type_id": kind[0], "type": kind[1], "value": value}
        for name, kind, value in (*client, *servers, *hosts)
    ]


def _remediation(incident: Incident) -> dict[str, Any]:
    if not incident.alternatives:
        return {}
    url = first_url(incident.references)
    advice = {"desc": f"Alternatives: {', '.join(incident.alternatives)}"}
    return {"remediation": {**advice, **({"references": [url]} if url else {})}}


def _ms(time_ns: int) -> int:
    return time_ns // 1_000_000
