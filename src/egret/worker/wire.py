"""What a worker tells the daemon: JSON objects on the channel between them.

JSON, because the worker parses hostile bytes: a worker that was taken over can say wrong things, but
nothing it says can run in the daemon. The daemon looks signatures up in its own catalogue and judges
itself; what it cannot read is a WireError and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from egret.catalog.match import Catalog
from egret.errors import EgretError
from egret.judge.relays import SIGNS
from egret.judge.unnamed import UNNAMED
from egret.model import (
    Connection,
    Endpoint,
    Kind,
    Match,
    NamedBy,
    Nameless,
    Observation,
    Protocol,
    Role,
    Signature,
    Transport,
    Volume,
    VolumeSource,
)
from egret.track.answers import Learnt
from egret.worker.canary import CATALOG as CANARY
from egret.worker.pipeline import Hit
from egret.worker.wire_proof import decode_proof, encode_proof

MAX_NAME = 4 * 255  # an escaped name: four characters a byte
MAX_VOLUMES = 500  # in a message, some 100 bytes each
_ADDRESSES = frozenset({4, 16})  # bytes
MAX_LEARNT = 100  # in a message: with the longest names still less than a channel carries


T = TypeVar("T")


class WireError(EgretError):
    """A message from a worker that cannot be read."""


@dataclass(frozen=True, slots=True)
class LinkReport:
    """One interface: what is new since the last report."""

    interface: str
    up: bool
    received: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Report:
    """Counts since the last report, gauges as they stand, and the state of each link."""

    counts: tuple[tuple[tuple[str, ...], int], ...]
    gauges: Mapping[str, int]
    links: tuple[LinkReport, ...]
    packet_time_ns: int


@dataclass(frozen=True, slots=True)
class Recollection:
    """Flagged names of addresses: what outlives a worker. Said by it, and to the next one."""

    learnt: tuple[Learnt, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """Bytes since the last such message, by client and service."""

    volumes: tuple[Volume, ...]


@dataclass(frozen=True, slots=True)
class Speakers:
    """Clients that were seen to speak for others: packed address, as what, when."""

    marks: tuple[tuple[bytes, Role, int], ...]


@dataclass(frozen=True, slots=True)
class Equipped:
    """The worker uses this generation of its equipment from here on: what it says next is said with it."""

    generation: int


@dataclass(frozen=True, slots=True)
class Heard:
    """The canary came by."""

    hit: Hit


Message = Hit | Report | Recollection | Moved | Speakers | Equipped | Heard


def encode_hit(hit: Hit) -> dict[str, object]:
    """One hit as a message."""
    proof = {} if hit.proof is None else {"proof": encode_proof(hit.proof)}
    return {"hit": _body(hit) | proof}


def encode_heard(hit: Hit) -> dict[str, object]:
    """The canary's hit as a message."""
    return {"heard": _body(hit)}


def _body(hit: Hit) -> dict[str, object]:
    match = hit.match
    return {
        "event": _event(hit.event),
        "signature": match.signature.id,
        "pattern": match.pattern,
        "region": match.region,
    }


def encode_report(
    counts: Mapping[tuple[str, ...], int],
    gauges: Mapping[str, int],
    links: Sequence[Mapping[str, object]],
    packet_time_ns: int,
) -> dict[str, object]:
    """One report as a message."""
    rows = [[*key, number] for key, number in counts.items()]
    return {"report": {"counts": rows, "gauges": dict(gauges), "links": list(links), "time": packet_time_ns}}


def encode_learnt(learnt: Sequence[Learnt]) -> list[dict[str, object]]:
    """Flagged names as messages, each of a size that a channel carries."""
    rows = [[each.client.hex(), each.address.hex(), each.name, each.until_ns] for each in learnt]
    return [{"learnt": rows[at : at + MAX_LEARNT]} for at in range(0, len(rows), MAX_LEARNT)]


def encode_volumes(volumes: Sequence[Volume]) -> list[tuple[dict[str, object], Sequence[Volume]]]:
    """Volumes as messages, each of a size that a channel carries, with what it says."""
    parts = [volumes[at : at + MAX_VOLUMES] for at in range(0, len(volumes), MAX_VOLUMES)]
    return [({"moved": [[each.client.hex(), *each[1:]] for each in part]}, part) for part in parts]


def encode_marks(marks: Sequence[tuple[bytes, Role, int]]) -> list[dict[str, object]]:
    """Clients that speak for others as messages, each of a size that a channel carries."""
    rows = [[ip.hex(), role.value, time_ns] for ip, role, time_ns in marks]
    return [{"marks": rows[at : at + MAX_LEARNT]} for at in range(0, len(rows), MAX_LEARNT)]


def decode_learnt(message: Mapping[str, Any]) -> Recollection:
    """Read what a message of ``encode_learnt`` says.

    Raises:
        WireError: it is none.
    """
    try:
        return _learnt(message["learnt"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise WireError(f"unreadable names of addresses: {type(error).__name__}") from error


def decode(message: Mapping[str, Any], catalog: Catalog) -> Message:
    """Read one message.

    Raises:
        WireError: it is no message of ours, or names a signature that *catalog* has not.
    """
    try:
        if "learnt" in message:
            return _learnt(message["learnt"])
        if "moved" in message:
            return _moved(message["moved"], catalog)
        if "marks" in message:
            return _marks(message["marks"])
        if "equipped" in message:
            return Equipped(_number(message["equipped"]))
        if "heard" in message:
            return Heard(_hit(message["heard"], CANARY))
        return _hit(message["hit"], catalog) if "hit" in message else _report(message["report"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise WireError(f"unreadable message from a worker: {type(error).__name__}") from error


def _event(event: Observation | Connection) -> dict[str, object]:
    common: dict[str, object] = {
        "time": event.time_ns,
        "client": _endpoint(event.client),
        "server": _endpoint(event.server),
        "interface": event.interface,
        "name": event.name,
        "protocol": event.protocol,
    }
    if isinstance(event, Connection):
        return common | {"transport": event.transport, "named_by": event.named_by, "reason": event.reason}
    return common | {
        "kind": event.kind,
        "qtype": event.qtype,
        "addresses": [address.hex() for address in event.addresses],
        "ttl": event.ttl_s,
        "attributes": dict(event.attributes),
    }


def _endpoint(endpoint: Endpoint) -> list[object]:
    return [endpoint.ip.hex(), endpoint.port]


def _hit(body: Mapping[str, Any], catalog: Catalog) -> Hit:
    signature = _signature(body["signature"], catalog)
    if signature is None:
        raise WireError("a worker names a signature that the catalogue has not")
    pattern, region = _text(body["pattern"]) or "", _text(body["region"])
    match = Match(signature, pattern, region, signature.scope_of(pattern, region))
    event = body["event"]
    proof = _optional(body.get("proof"), decode_proof)
    return Hit(_connection(event) if "named_by" in event else _observation(event), match, proof)


def _observation(event: Mapping[str, Any]) -> Observation:
    return Observation(
        time_ns=_number(event["time"]),
        protocol=Protocol(event["protocol"]),
        kind=Kind(event["kind"]),
        name=_text(event["name"]) or "",
        client=_read_endpoint(event["client"]),
        server=_read_endpoint(event["server"]),
        interface=_text(event["interface"]),
        qtype=_text(event["qtype"]),
        addresses=tuple(_address(text) for text in event["addresses"][:64]),
        ttl_s=_optional(event["ttl"], _number),
        attributes={str(key): value for key, value in event["attributes"].items()},
    )


def _connection(event: Mapping[str, Any]) -> Connection:
    return Connection(
        time_ns=_number(event["time"]),
        transport=Transport(event["transport"]),
        client=_read_endpoint(event["client"]),
        server=_read_endpoint(event["server"]),
        named_by=NamedBy(event["named_by"]),
        name=_text(event["name"]),
        reason=_optional(event["reason"], Nameless),
        protocol=_optional(event["protocol"], Protocol),
        interface=_text(event["interface"]),
    )


def _report(body: Mapping[str, Any]) -> Report:
    counts = tuple((tuple(str(part) for part in row[:-1]), _number(row[-1])) for row in body["counts"])
    gauges = {str(name): _number(value) for name, value in body["gauges"].items()}
    return Report(counts, gauges, tuple(map(_link, body["links"])), _number(body["time"]))


def _learnt(rows: Sequence[Any]) -> Recollection:
    if len(rows) > MAX_LEARNT:
        raise ValueError("more names than a message has")
    return Recollection(
        tuple(
            Learnt(_address(client), _address(address), _text(name) or "", _number(until_ns))
            for client, address, name, until_ns in rows
        )
    )


def _signature(identity: str, catalog: Catalog) -> Signature | None:
    """What the daemon knows by that id: of the catalogue, or of the networks that connections without a name go to."""
    return catalog.get(identity) or UNNAMED.get(identity)


def _moved(rows: Sequence[Any], catalog: Catalog) -> Moved:
    if len(rows) > MAX_VOLUMES:
        raise ValueError("more volumes than a message has")
    volumes = tuple(
        Volume(_address(client), signature, _number(sent), _number(received), VolumeSource(source), _number(time_ns))
        for client, signature, sent, received, source, time_ns in rows
    )
    if any(_signature(volume.signature, catalog) is None for volume in volumes):
        raise WireError("a worker names a signature that the catalogue has not")
    return Moved(volumes)


def _marks(rows: Sequence[Any]) -> Speakers:
    if len(rows) > MAX_LEARNT:
        raise ValueError("more marks than a message has")
    return Speakers(tuple((_address(ip), _relay(role), _number(time_ns)) for ip, role, time_ns in rows))


def _relay(value: object) -> Role:
    """What a worker can see somebody to be; it cannot see a server, or what is behind an address."""
    role = Role(str(value))
    if role not in SIGNS:
        raise ValueError("not a role that is seen")
    return role


def _link(link: Mapping[str, Any]) -> LinkReport:
    return LinkReport(str(link["interface"]), link["up"] is True, _number(link["received"]), _number(link["dropped"]))


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError("not a count or a time")
    return value


def _text(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and len(value) <= MAX_NAME):
        raise ValueError("not a short text")
    return value


def _address(text: str) -> bytes:
    address = bytes.fromhex(text)
    if len(address) not in _ADDRESSES:
        raise ValueError("not an address")
    return address


def _read_endpoint(pair: Sequence[Any]) -> Endpoint:
    return Endpoint(_address(pair[0]), _number(pair[1]) & 0xFFFF)


def _optional(value: Any, read: Callable[[Any], T]) -> T | None:
    return None if value is None else read(value)
