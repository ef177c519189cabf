"""A small catalogue and events for everything above the core; documentation addresses only."""

from __future__ import annotations

from egret.catalog.match import Catalog
from egret.model import (
    Connection,
    Endpoint,
    HostKind,
    HostPattern,
    Kind,
    NamedBy,
    Nameless,
    Observation,
    Protocol,
    ServiceClass,
    Signature,
    Transport,
)
from tests.support.alerts import CLIENT, RESOLVER, SERVER, START_NS, signature

LISTED = bytes([198, 51, 100, 77])  # an address that a signature names


def _with_host(sig: Signature, pattern: str, networks: tuple[str, ...] = ()) -> Signature:
    values = {field: getattr(sig, field) for field in Signature.__struct_fields__}
    host = HostPattern(kind=HostKind.SUFFIX, pattern=pattern)
    return Signature(**values | {"hosts": (host,), "networks": networks})


CATALOG = Catalog(
    [
        _with_host(signature(), "chat.example"),
        _with_host(signature(ServiceClass.CLOUD, "example.cloud", "Example Cloud"), "cloud.example"),
        _with_host(
            signature(ServiceClass.RESOLVER, "example.dns", "Example DNS"), "dns.example", ("198.51.100.77/32",)
        ),
    ],
    "test",
)


def seen(
    name: str,
    *,
    kind: Kind = Kind.CLIENT_HELLO,
    protocol: Protocol = Protocol.TLS,
    at_s: float = 0.0,
    client: bytes = CLIENT,
    addresses: tuple[bytes, ...] = (),
) -> Observation:
    dns = protocol is Protocol.DNS
    return Observation(
        time_ns=START_NS + round(at_s * 1e9),
        protocol=protocol,
        kind=kind,
        name=name,
        client=Endpoint(client, 40000),
        server=Endpoint(RESOLVER, 53) if dns else Endpoint(SERVER, 443),
        interface="lan0",
        qtype="A" if kind is Kind.QUERY else None,
        addresses=addresses,
        ttl_s=60 if kind is Kind.ANSWER else None,
        target="far.example" if kind is Kind.CNAME else None,
        attributes={"transport": "udp" if dns else "tcp"},
    )


def flow(
    name: str | None = None, named_by: NamedBy = NamedBy.NOTHING, *, server: bytes = SERVER, client: bytes = CLIENT
) -> Connection:
    return Connection(
        time_ns=START_NS,
        transport=Transport.TCP,
        client=Endpoint(client, 50000),
        server=Endpoint(server, 443),
        named_by=named_by,
        name=name,
        reason=Nameless.NO_SNI if named_by is NamedBy.NOTHING else None,
        protocol=Protocol.TLS,
        interface="lan0",
    )
