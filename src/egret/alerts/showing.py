"""A proof for whoever opens it: packets with comments, and the same as JSON-able values.

With pseudonyms the client's address in packets is a stand-in of the documentation ranges, and in the record its
pseudonym: no evidence says who it was to those who may not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from egret.alerts.model import Incident, Sensor
from egret.alerts.timestamps import rfc3339
from egret.alerts.veil import Veil, is_pseudonym
from egret.decode.compose import packets
from egret.evidence import Proof
from egret.model import Connection, Detection, Endpoint, Observation
from egret.names import address_text
from egret.value import replace

STAND_IN_4 = bytes([192, 0, 2, 1])
STAND_IN_6 = bytes.fromhex("20010db8" + "00" * 11 + "01")
_REBUILT = "rebuilt from what was captured: addresses, ports, time and message are as seen, packet headers are not"
_HIDDEN = "the client's address is a stand-in, since pseudonyms are on"
_NO_PACKETS = "no packets: what showed it cannot be kept without its contents"


class Shown(NamedTuple):
    """One observation of an incident."""

    values: dict[str, Any]
    packets: Sequence[tuple[int, bytes, str]]  # time, from the IP header on, comment


def show(detection: Detection, proof: Proof, veil: Veil) -> Shown:
    """Show what was kept of the message behind *detection*."""
    event, match = detection.observation, detection.match
    client = veil.address(address_text(event.client.ip))
    notes = [_REBUILT, *proof.notes]
    if is_pseudonym(client):
        event = _hidden(event)
        notes.append(_HIDDEN)
    made = packets(event, proof)
    values = {
        "time": rfc3339(event.time_ns),
        "protocol": event.protocol.value if event.protocol else None,
        "kind": event.kind.value if isinstance(event, Observation) else "flow",
        "name": event.name,
        "client": {"ip": client, "port": event.client.port},
        "server": {"ip": address_text(event.server.ip), "port": event.server.port},
        "interface": event.interface,
        "signature": match.signature.id,
        "pattern": match.pattern,
        "region": match.region,
        "named_by": event.named_by.value if isinstance(event, Connection) else "message",
        "attributes": _plain(event.attributes) if isinstance(event, Observation) else {},
        "severity": detection.verdict.severity.value,
        "proves": _claim(detection),
        "notes": notes if made else [*notes[1:], _NO_PACKETS],
    }
    comment = "; ".join((_claim(detection), *notes))
    return Shown(values, [(time_ns, data, comment) for time_ns, data in made])


def summary(incident: Incident, sensor: Sensor, catalog: str, databases: Sequence[str]) -> dict[str, Any]:
    """What the record says of the incident and of who saw it."""
    return {
        "client": incident.client,
        "service": incident.service,
        "vendor": incident.vendor,
        "signature": incident.signature,
        "egret_version": sensor.version,
        "sensor": sensor.hostname,
        "catalog_version": catalog,
        "databases": list(databases),
    }


def _claim(detection: Detection) -> str:
    """What the packets prove, in a line."""
    event, match = detection.observation, detection.match
    service = f"{match.signature.id} by {match.pattern}"
    if isinstance(event, Connection):
        named = f"named {event.name} by an earlier look-up" if event.name else "without a name"
        return f"a connection {named} is {service}"
    return f"{event.protocol.value} {event.kind.value} names {event.name}, which is {service}"


def _hidden(event: Observation | Connection) -> Observation | Connection:
    stand_in = STAND_IN_4 if len(event.client.ip) == 4 else STAND_IN_6
    return replace(event, client=Endpoint(stand_in, event.client.port))


def _plain(attributes: Any) -> dict[str, Any]:
    return {str(key): value for key, value in attributes.items()}
