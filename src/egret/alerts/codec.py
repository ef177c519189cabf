"""The JSON form of incidents and alerts, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from egret.alerts.model import SCHEMA_VERSION, Action, Alert, CloseReason, Evidence, Incident, Server
from egret.alerts.rulings import ruling_from_dict, ruling_to_dict
from egret.alerts.timestamps import parse_rfc3339, rfc3339
from egret.alerts.volume import VOLUME_LIMITS
from egret.evidence import About, ChainLink, ScorePart
from egret.model import Category, Hosting, IdentitySource, Operator, Role, ServiceClass, Severity, VolumeSource

_OPERATOR = ("country", "contested", "entity", "source", "date")  # the fields of each that leave the process
_HOSTING = ("country", "asn", "as_org", "source", "in_china")
_BAD = (KeyError, TypeError, ValueError, AttributeError)


def alert_to_dict(alert: Alert) -> dict[str, Any]:
    """Give *alert* as JSON-able values."""
    return {**alert_head(alert), "incident": incident_to_dict(alert.incident)}


def alert_head(alert: Alert) -> dict[str, Any]:
    """What comes before the incident, which is the last value of an alert."""
    previous = alert.previous_severity
    return {
        "schema": f"egret.alert/{SCHEMA_VERSION}",
        "id": alert.id,
        "action": alert.action.value,
        "sequence": alert.sequence,
        "time": rfc3339(alert.time_ns),
        "severity": alert.severity.value,
        "previous_severity": previous.value if previous else None,
    }


def alert_from_dict(data: Mapping[str, Any]) -> Alert:
    """Read an alert back.

    Raises:
        ValueError: not an alert of a version that we know.
    """
    try:
        _check_schema(data, "egret.alert")
        previous = data["previous_severity"]
        return Alert(
            id=str(data["id"]),
            action=Action(data["action"]),
            sequence=int(data["sequence"]),
            time_ns=parse_rfc3339(data["time"]),
            severity=Severity(data["severity"]),
            previous_severity=Severity(previous) if previous else None,
            incident=incident_from_dict(data["incident"]),
        )
    except _BAD as error:
        raise ValueError(f"not an alert: {error!r}") from error


def incident_to_dict(incident: Incident) -> dict[str, Any]:
    """Give *incident* as JSON-able values."""
    return {
        "schema": f"egret.incident/{SCHEMA_VERSION}",
        "id": incident.id,
        "client": incident.client,
        "signature": incident.signature,
        "vendor": incident.vendor,
        "service": incident.service,
        "category": incident.category.value,
        "class": incident.service_class.value,
        "severity": incident.severity.value,
        "score": incident.score,
        "score_parts": parts_to_list(incident.score_parts),
        "evidence": incident.evidence.value,
        "operator": operator_to_dict(incident.operator),
        "hosting": hosting_to_dict(incident.hosting),
        "region": incident.region,
        "jurisdiction_chain": chain_to_list(incident.jurisdiction_chain),
        "reasons": list(incident.reasons),
        "alternatives": list(incident.alternatives),
        "references": list(incident.references),
        "first": rfc3339(incident.first_ns),
        "last": rfc3339(incident.last_ns),
        **_client_to_dict(incident),
        **_counts_to_dict(incident),
        **_volume_to_dict(incident),
        "approval": ruling_to_dict(incident.approval),
        **_life_to_dict(incident),
        "page": incident.page,
        "evidence_files": list(incident.evidence_files),
        "evidence_api": evidence_api(incident),
    }


def evidence_api(incident: Incident) -> str | None:
    """Where the sensor's own API has the evidence; None where there is none."""
    return f"/api/v1/incidents/{incident.id}/evidence" if incident.evidence_files else None


def _client_to_dict(incident: Incident) -> dict[str, Any]:
    role = incident.client_role
    return {
        "client_key": incident.client_key,
        "client_name": incident.client_name,
        "client_name_source": incident.client_name_source.value,
        "client_groups": list(incident.client_groups),
        "client_mac": incident.client_mac,
        "client_addresses": list(incident.client_addresses),
        "client_addresses_more": incident.client_addresses_more,
        "client_role": role.value if role else None,
        "client_role_reason": incident.client_role_reason,
    }


def _counts_to_dict(incident: Incident) -> dict[str, Any]:
    return {
        "detections": incident.detections,
        "lookups": incident.lookups,
        "connections": incident.connections,
        "protocols": dict(incident.protocols),
        "hosts": list(incident.hosts),
        "hosts_more": incident.hosts_more,
        "servers": [_server_to_dict(server) for server in incident.servers],
        "servers_more": incident.servers_more,
        "resolvers": list(incident.resolvers),
        "interfaces": list(incident.interfaces),
        "community_id": incident.community_id,
    }


def _volume_to_dict(incident: Incident) -> dict[str, Any]:
    source = incident.volume_source
    return {
        "bytes_out": incident.bytes_out,
        "bytes_in": incident.bytes_in,
        "volume_source": source.value if source else None,
        "volume_limits": VOLUME_LIMITS[source] if source else None,
    }


def _life_to_dict(incident: Incident) -> dict[str, Any]:
    closed = incident.closed_ns
    return {
        "sequence": incident.sequence,
        "alerted": rfc3339(incident.alerted_ns),
        "updates": incident.updates,
        "closed": None if closed is None else rfc3339(closed),
        "close_reason": incident.close_reason.value if incident.close_reason else None,
    }


def incident_from_dict(data: Mapping[str, Any]) -> Incident:
    """Read an incident back.

    Raises:
        ValueError: not an incident of a version that we know.
    """
    try:
        _check_schema(data, "egret.incident")
        return _incident(data)
    except _BAD as error:
        raise ValueError(f"not an incident: {error!r}") from error


def _incident(data: Mapping[str, Any]) -> Incident:
    closed, reason, source = data["closed"], data["close_reason"], data.get("volume_source")
    return Incident(
        id=str(data["id"]),
        client=str(data["client"]),
        signature=str(data["signature"]),
        vendor=str(data["vendor"]),
        service=str(data["service"]),
        category=Category(data["category"]),
        service_class=ServiceClass(data["class"]),
        severity=Severity(data["severity"]),
        score=int(data["score"]),
        evidence=Evidence(data["evidence"]),
        operator=_operator(data["operator"]),
        hosting=_hosting(data["hosting"]),
        region=data["region"],
        reasons=tuple(data["reasons"]),
        alternatives=tuple(data["alternatives"]),
        references=tuple(data["references"]),
        first_ns=parse_rfc3339(data["first"]),
        last_ns=parse_rfc3339(data["last"]),
        detections=int(data["detections"]),
        lookups=int(data["lookups"]),
        connections=int(data["connections"]),
        protocols={str(name): int(count) for name, count in data["protocols"].items()},
        hosts=tuple(data["hosts"]),
        hosts_more=int(data["hosts_more"]),
        servers=tuple(_server(server) for server in data["servers"]),
        servers_more=int(data["servers_more"]),
        resolvers=tuple(data["resolvers"]),
        interfaces=tuple(data["interfaces"]),
        community_id=data.get("community_id"),  # rows of version 0.1 have none
        bytes_out=_bytes(data.get("bytes_out")),  # not in what was stored before volumes were measured
        bytes_in=_bytes(data.get("bytes_in")),
        volume_source=None if source is None else VolumeSource(source),
        sequence=int(data["sequence"]),
        alerted_ns=parse_rfc3339(data["alerted"]),
        updates=int(data["updates"]),
        told=tuple(int(each) for each in data.get("told", ())),  # in the store only
        closed_ns=None if closed is None else parse_rfc3339(closed),
        close_reason=None if reason is None else CloseReason(reason),
        approval=ruling_from_dict(data.get("approval")),
        **_client(data),
        score_parts=tuple(_part(part) for part in data.get("score_parts", ())),  # rows of version 0.1 have none
        page=data.get("page"),
        evidence_files=tuple(str(path) for path in data.get("evidence_files", ())),
        jurisdiction_chain=tuple(_link(link) for link in data.get("jurisdiction_chain", ())),
    )


def _client(data: Mapping[str, Any]) -> dict[str, Any]:
    """Who the client is; an incident that was stored before clients had names is one address."""
    if "client_key" not in data:
        return {"client_key": f"ip:{data['client']}", "client_addresses": (str(data["client"]),)}
    role = data["client_role"]
    return {
        "client_key": str(data["client_key"]),
        "client_name": data["client_name"],
        "client_name_source": IdentitySource(data["client_name_source"]),
        "client_groups": tuple(data["client_groups"]),
        "client_mac": data["client_mac"],
        "client_addresses": tuple(data["client_addresses"]),
        "client_addresses_more": int(data["client_addresses_more"]),
        "client_role": Role(role) if role else None,
        "client_role_reason": str(data["client_role_reason"]),
    }


def _bytes(value: object) -> int | None:
    if value is not None and not (type(value) is int and value >= 0):
        raise ValueError("not a number of bytes")
    return value


def _check_schema(data: Mapping[str, Any], name: str) -> None:
    if data["schema"] != f"{name}/{SCHEMA_VERSION}":
        raise ValueError(f"schema is {data['schema']!r}, expected {name}/{SCHEMA_VERSION}")


def operator_to_dict(operator: Operator) -> dict[str, Any]:
    """Give *operator* as JSON-able values."""
    return {name: getattr(operator, name) for name in _OPERATOR}


def _operator(data: Mapping[str, Any]) -> Operator:
    return Operator(**{name: data[name] for name in _OPERATOR})


def hosting_to_dict(hosting: Hosting) -> dict[str, Any]:
    """Give *hosting* as JSON-able values."""
    return {name: getattr(hosting, name) for name in _HOSTING}


def _hosting(data: Mapping[str, Any]) -> Hosting:
    return Hosting(**{name: data[name] for name in _HOSTING})


def parts_to_list(parts: Iterable[ScorePart]) -> list[dict[str, Any]]:
    """Give the summands of a score as JSON-able values."""
    return [part._asdict() for part in parts]


def _part(data: Mapping[str, Any]) -> ScorePart:
    return ScorePart(str(data["name"]), int(data["points"]), str(data["why"]))


def chain_to_list(chain: Iterable[ChainLink]) -> list[dict[str, Any]]:
    """Give the facts about jurisdiction as JSON-able values."""
    return [
        {"about": link.about.value, **{key: getattr(link, key) for key in ("fact", "value", "source", "date", "note")}}
        for link in chain
    ]


def _link(data: Mapping[str, Any]) -> ChainLink:
    texts = {key: str(data[key]) for key in ("fact", "value", "source", "date", "note")}
    return ChainLink(about=About(data["about"]), **texts)


def _server_to_dict(server: Server) -> dict[str, Any]:
    return {"ip": server.ip, "port": server.port, "host": server.host, "hosting": hosting_to_dict(server.hosting)}


def _server(data: Mapping[str, Any]) -> Server:
    return Server(ip=str(data["ip"]), port=int(data["port"]), host=data["host"], hosting=_hosting(data["hosting"]))
