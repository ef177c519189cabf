"""The contract's JSON lines: what ``observe`` and ``replay --detections`` print."""

from __future__ import annotations

import json
from collections.abc import Mapping

from egret.alerts.codec import chain_to_list, parts_to_list
from egret.alerts.formats.client import client_fields
from egret.alerts.timestamps import rfc3339
from egret.model import Anomaly, Connection, Detection, Endpoint, Kind, Observation
from egret.names import address_text


def dump(line: Mapping[str, object]) -> str:
    """One JSON line; ASCII only, so that no name reaches a terminal raw."""
    return json.dumps(line, separators=(", ", ": "))


def observation_line(observation: Observation, file: str | None) -> dict[str, object]:
    """The ``observe`` line of the contract; attributes come after its fields."""
    line: dict[str, object] = {
        "time": rfc3339(observation.time_ns),
        "protocol": observation.protocol,
        "kind": observation.kind,
        "name": observation.name,
        **_ends(observation, file),
    }
    if observation.qtype is not None:
        line["qtype"] = observation.qtype
    if observation.kind is Kind.ANSWER:
        line["addresses"] = [address_text(address) for address in observation.addresses]
    if observation.kind is Kind.CNAME:
        line["target"] = observation.target
    return line | {key: value for key, value in observation.attributes.items() if key not in line}


def connection_line(connection: Connection, file: str | None) -> dict[str, object]:
    """A connection, as ``observe --flows`` and address-only detections show it."""
    return {
        "time": rfc3339(connection.time_ns),
        "protocol": connection.protocol,
        "kind": "flow",
        "name": connection.name,
        **_ends(connection, file),
        "transport": connection.transport,
        "named_by": connection.named_by,
        "reason": connection.reason,
    }


def anomaly_line(anomaly: Anomaly, file: str | None) -> dict[str, object]:
    """An anomaly, as ``observe --anomalies`` shows it."""
    flow = anomaly.flow
    return {
        "time": rfc3339(anomaly.time_ns),
        "protocol": anomaly.protocol,
        "kind": "anomaly",
        "reason": anomaly.reason,
        "source": _endpoint(flow.source) if flow else None,
        "destination": _endpoint(flow.destination) if flow else None,
        "file": file,
        "interface": anomaly.interface,
    }


def detection_line(detection: Detection, file: str | None) -> dict[str, object]:
    """The ``replay --detections`` line of the contract."""
    event, verdict, signature = detection.observation, detection.verdict, detection.match.signature
    line = observation_line(event, file) if isinstance(event, Observation) else connection_line(event, file)
    return line | {
        "signature": signature.id,
        "vendor": signature.vendor,
        "service": signature.service,
        "category": signature.category,
        "class": signature.service_class,
        "severity": verdict.severity,
        "score": verdict.score,
        "score_parts": parts_to_list(verdict.score_parts),
        "reasons": list(verdict.reasons),
        "operator": {"country": verdict.operator.country, "contested": verdict.operator.contested},
        "hosting": {
            "country": verdict.hosting.country,
            "asn": verdict.hosting.asn,
            "as_org": verdict.hosting.as_org,
            "source": verdict.hosting.source,
        },
        "region": detection.match.region,
        "jurisdiction_chain": chain_to_list(verdict.jurisdiction_chain),
        "lookup_only": verdict.lookup_only,
        **client_fields(detection.client),
    }


def _ends(event: Observation | Connection, file: str | None) -> dict[str, object]:
    return {
        "client": _endpoint(event.client),
        "server": _endpoint(event.server),
        "file": file,
        "interface": event.interface,
    }


def _endpoint(endpoint: Endpoint) -> dict[str, object]:
    return {"ip": address_text(endpoint.ip), "port": endpoint.port}
