"""Elastic Common Schema 9: alerts, and single detections, as JSON-able values.

Only field names of the schema at the top level; everything of our own is below ``egret``. Strings stay
what they were: JSON escapes what needs escaping.
Ref: the field reference of ECS 9, and its allowed values for event.kind, event.category, event.type.
"""

from __future__ import annotations

from typing import Any

from egret.alerts.codec import chain_to_list, hosting_to_dict, incident_to_dict, operator_to_dict, parts_to_list
from egret.alerts.formats.client import client_fields, ecs_detection_end, ecs_end, ecs_host
from egret.alerts.formats.text import first_url, headline, main_host
from egret.alerts.model import SCHEMA_VERSION, Action, Alert, Incident, Sensor
from egret.alerts.timestamps import rfc3339
from egret.alerts.veil import clear, is_pseudonym
from egret.model import Connection, Detection, Hosting, Protocol, Severity, Signature, Transport
from egret.names import address_text

ECS_VERSION = "9.0.0"
_SEVERITY = {  # the numbers that Kibana gives these words
    Severity.INFO: 1,
    Severity.LOW: 21,
    Severity.MEDIUM: 47,
    Severity.HIGH: 73,
    Severity.CRITICAL: 99,
}
_PHASE = {Action.OPENED: "start", Action.ESCALATED: "info", Action.UPDATED: "info", Action.CLOSED: "end"}
_MOST_TELLING = (Protocol.TLS, Protocol.QUIC, Protocol.DTLS, Protocol.HTTP, Protocol.SOCKS, Protocol.DNS)
_TRANSPORT = {Protocol.TLS: "tcp", Protocol.HTTP: "tcp", Protocol.SOCKS: "tcp", Protocol.QUIC: "udp"}
_HELLOS = frozenset({Protocol.TLS, Protocol.QUIC, Protocol.DTLS})


def alert_to_ecs(alert: Alert, sensor: Sensor) -> dict[str, Any]:
    """Give *alert* in ECS field names."""
    incident = alert.incident
    document = {
        "@timestamp": rfc3339(alert.time_ns),
        "ecs": {"version": ECS_VERSION},
        "message": headline(alert),
        "tags": ["egret", incident.service_class.value, incident.evidence.value, *_decided(incident)],
        "event": _event(alert),
        "rule": {
            "id": incident.signature,
            "name": f"{incident.service} ({incident.vendor})",
            "category": incident.category.value,
            "ruleset": incident.service_class.value,
            "reference": first_url(incident.references),
        },
        **_ends(incident.client, None, incident.bytes_out, ecs_end(incident)),
        **ecs_host(incident),
        **_incident_destination(incident),
        **_incident_network(incident),
        "related": {"ip": _related(incident), "hosts": _related_hosts(incident)},
        "observer": _observer(sensor, incident.interfaces[-1] if incident.interfaces else None),
        "egret": {
            "schema": f"egret.alert/{SCHEMA_VERSION}",
            "action": alert.action.value,
            "previous_severity": alert.previous_severity.value if alert.previous_severity else None,
            "severity": alert.severity.value,
            "incident": incident_to_dict(incident),
        },
    }
    return _without_none(document)


def _decided(incident: Incident) -> list[str]:
    """The state, where somebody decided; whole, it is ``egret.incident.approval``."""
    return [incident.approval.state.value] if incident.approval.entry is not None else []


def _event(alert: Alert) -> dict[str, Any]:
    incident = alert.incident
    return {
        "kind": "alert",
        "category": ["network"],
        "type": ["connection" if incident.servers else "protocol", _PHASE[alert.action]],
        "action": f"incident-{alert.action.value}",
        "id": alert.id,
        "sequence": alert.sequence,
        "severity": _SEVERITY[alert.severity],
        "risk_score": float(incident.score),
        "module": "egret",
        "dataset": "egret.alert",
        "provider": "egret",
        "reason": incident.reasons[0] if incident.reasons else None,
        "url": incident.page,
        "start": rfc3339(incident.first_ns),
        "end": rfc3339(incident.last_ns),
    }


def _ends(ip: str, port: int | None, sent: int | None, known: dict[str, Any]) -> dict[str, Any]:
    end = {
        "ip": clear(ip),
        "address": ip,
        "port": port,
        "bytes": sent,
        **known,
    }  # ECS: bytes sent by this end to the other
    return {"client": end, "source": dict(end)}


def _incident_destination(incident: Incident) -> dict[str, Any]:
    if not incident.servers:
        return _destination(None, None, main_host(incident), incident.hosting)
    server = incident.servers[-1]
    host = server.host or main_host(incident)
    return _destination(server.ip, server.port, host, server.hosting, incident.bytes_in)


def _destination(
    ip: str | None, port: int | None, host: str | None, hosting: Hosting, sent: int | None = None
) -> dict[str, Any]:
    end = {
        "ip": ip,
        "port": port,
        "domain": host,
        "address": host or ip,
        "bytes": sent,
        "geo": {"country_iso_code": hosting.country},
        "as": {"number": hosting.asn, "organization": {"name": hosting.as_org}},
    }
    return {"destination": end, "server": dict(end)}


def _incident_network(incident: Incident) -> dict[str, Any]:
    seen = [protocol for protocol in _MOST_TELLING if protocol in incident.protocols]
    fields = _network(seen[0] if seen else None, None, incident.client)
    fields["network"]["community_id"] = incident.community_id
    if incident.bytes_out is not None and incident.bytes_in is not None:
        fields["network"]["bytes"] = incident.bytes_out + incident.bytes_in
    if incident.lookups and incident.hosts:
        fields["dns"] = {"question": {"name": incident.hosts[0]}}
    if not _HELLOS.isdisjoint(seen):
        fields["tls"] = {"client": {"server_name": main_host(incident)}}
    return fields


def _network(protocol: Protocol | None, transport: Transport | None, client: str) -> dict[str, Any]:
    return {
        "network": {
            "protocol": protocol.value if protocol else None,
            "transport": transport.value if transport else _TRANSPORT.get(protocol) if protocol else None,
            "type": None if is_pseudonym(client) else "ipv6" if ":" in client else "ipv4",
            "direction": "outbound",
        }
    }


def _related(incident: Incident) -> list[str]:
    clients = incident.client_addresses or (incident.client,)
    known = [address for address in (incident.client, *clients) if not is_pseudonym(address)]
    return list(dict.fromkeys([*known, *(server.ip for server in incident.servers)]))


def _related_hosts(incident: Incident) -> list[str]:
    return [*([incident.client_name] if incident.client_name else []), *incident.hosts]


def _observer(sensor: Sensor, interface: str | None) -> dict[str, Any]:
    return {
        "vendor": "Egret",
        "product": "egret",
        "type": "sensor",
        "version": sensor.version,
        "hostname": sensor.hostname,
        "ingress": {"interface": {"name": interface}},
    }


def detection_to_ecs(detection: Detection, sensor: Sensor) -> dict[str, Any]:
    """Give one detection in ECS field names."""
    seen, verdict, signature = detection.observation, detection.verdict, detection.match.signature
    client = address_text(seen.client.ip)
    lookup = seen.protocol in {Protocol.DNS, Protocol.HTTPDNS}
    server = None if lookup else address_text(seen.server.ip)
    transport = seen.transport if isinstance(seen, Connection) else None
    document = {
        "@timestamp": rfc3339(seen.time_ns),
        "ecs": {"version": ECS_VERSION},
        "tags": ["egret", signature.service_class.value],
        "event": {
            "kind": "event",
            "category": ["network"],
            "type": ["protocol" if lookup else "connection", "info"],
            "action": "lookup" if lookup else "connection",
            "severity": _SEVERITY[verdict.severity],
            "risk_score": float(verdict.score),
            "module": "egret",
            "dataset": "egret.detection",
            "provider": "egret",
            "reason": verdict.reasons[0] if verdict.reasons else None,
        },
        "rule": _rule(signature),
        **_ends(client, seen.client.port, None, ecs_detection_end(detection.client)),
        **_destination(server, None if lookup else seen.server.port, seen.name, verdict.hosting),
        **_network(seen.protocol, transport, client),
        **_named(seen.protocol, seen.name),
        "observer": _observer(sensor, seen.interface),
        "egret": {
            "schema": f"egret.detection/{SCHEMA_VERSION}",
            "signature": signature.id,
            "vendor": signature.vendor,
            "service": signature.service,
            "category": signature.category.value,
            "class": signature.service_class.value,
            "severity": verdict.severity.value,
            "score": verdict.score,
            "score_parts": parts_to_list(verdict.score_parts),
            "reasons": list(verdict.reasons),
            "operator": operator_to_dict(verdict.operator),
            "hosting": hosting_to_dict(verdict.hosting),
            "jurisdiction_chain": chain_to_list(verdict.jurisdiction_chain),
            "resolver": address_text(seen.server.ip) if lookup else None,
            **client_fields(detection.client),
        },
    }
    return _without_none(document)


def _rule(signature: Signature) -> dict[str, Any]:
    return {
        "id": signature.id,
        "name": f"{signature.service} ({signature.vendor})",
        "category": signature.category.value,
        "ruleset": signature.service_class.value,
        "reference": first_url(signature.references),
    }


def _named(protocol: Protocol | None, name: str | None) -> dict[str, Any]:
    if protocol is Protocol.DNS:
        return {"dns": {"question": {"name": name}}}
    if protocol in _HELLOS:
        return {"tls": {"client": {"server_name": name}}}
    return {}


def _without_none(value: dict[str, Any], *, keep: bool = False) -> dict[str, Any]:
    """Leave out what is not known, except below ``egret``, where every field is always there."""
    result = {}
    for key, item in value.items():
        if isinstance(item, dict):
            result[key] = _without_none(item, keep=keep or key == "egret")
        elif item is not None or keep:
            result[key] = item
    return {key: item for key, item in result.items() if keep or item != {}}
