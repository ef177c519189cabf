"""Observations and connections made in a quarter of the time that their own constructors take."""

from __future__ import annotations

from collections.abc import Mapping

from egret.evidence import Raw
from egret.frozen import open_class
from egret.model import Connection, Endpoint, Kind, NamedBy, Nameless, Observation, Protocol, Transport

_OpenObservation, _OpenConnection = open_class(Observation), open_class(Connection)
_new = object.__new__


def observation(
    time_ns: int,
    protocol: Protocol,
    kind: Kind,
    name: str,
    client: Endpoint,
    server: Endpoint,
    interface: str | None,
    attributes: Mapping[str, object],
    raw: Raw | None,
    qtype: str | None = None,
    addresses: tuple[bytes, ...] = (),
    ttl_s: int | None = None,
    target: str | None = None,
) -> Observation:
    """The Observation with these fields."""
    made = _new(_OpenObservation)
    made.time_ns = time_ns
    made.protocol = protocol
    made.kind = kind
    made.name = name
    made.client = client
    made.server = server
    made.interface = interface
    made.qtype = qtype
    made.addresses = addresses
    made.ttl_s = ttl_s
    made.target = target
    made.attributes = attributes
    made.raw = raw
    made.__class__ = Observation
    return made  # type: ignore[no-any-return]


def connection(
    time_ns: int,
    transport: Transport,
    client: Endpoint,
    server: Endpoint,
    interface: str | None,
    named_by: NamedBy,
    name: str | None,
    protocol: Protocol | None,
    reason: Nameless | None = None,
    raw: Raw | None = None,
) -> Connection:
    """The Connection with these fields."""
    made = _new(_OpenConnection)
    made.time_ns = time_ns
    made.transport = transport
    made.client = client
    made.server = server
    made.named_by = named_by
    made.name = name
    made.reason = reason
    made.protocol = protocol
    made.interface = interface
    made.raw = raw
    made.__class__ = Connection
    return made  # type: ignore[no-any-return]
