"""The contract's JSON lines of what was seen: what ``observe`` prints."""

from __future__ import annotations

from egret.alerts.timestamps import rfc3339
from egret.model import Anomaly, Connection, Endpoint, Kind, Observation
from egret.names import address_text


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


def _ends(event: Observation | Connection, file: str | None) -> dict[str, object]:
    return {
        "client": _endpoint(event.client),
        "server": _endpoint(event.server),
        "file": file,
        "interface": event.interface,
    }


def _endpoint(endpoint: Endpoint) -> dict[str, object]:
    return {"ip": address_text(endpoint.ip), "port": endpoint.port}
