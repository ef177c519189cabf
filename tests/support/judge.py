"""Signatures, addresses and a database of two lines, to judge with."""

from __future__ import annotations

import ipaddress

from egret.judge.hosting import GeoRecord
from egret.model import (
    Category,
    Connection,
    Endpoint,
    Kind,
    Match,
    NamedBy,
    Observation,
    Operator,
    Protocol,
    Reasoning,
    ServiceClass,
    Signature,
    Transport,
)
from egret.value import replace

IN_CN, IN_HK, IN_US, IN_SG, NOWHERE = (
    ipaddress.ip_address(text).packed
    for text in ("203.0.113.1", "203.0.113.130", "198.51.100.1", "203.0.113.200", "192.0.2.9")
)
CLIENT = Endpoint(ipaddress.ip_address("192.0.2.10").packed, 50000)
RESOLVER = Endpoint(ipaddress.ip_address("192.0.2.53").packed, 53)
PRC = Operator(country="CN", contested=False, entity="Example Co., Ltd.", source="policy", date="2026-11-22")
CONTESTED = Operator(
    country="CN", contested=True, entity="Example (Singapore) Pte. Ltd.", source="terms", date="2026-11-22"
)
STORED = Reasoning(
    text="The policy states storage in the PRC", source="policy", date="2026-01-01", counter="Not for open weights"
)
LAW = Reasoning(text="Organisations must support state intelligence work", source="a law")
SIGNATURE = Signature(
    id="example.chat",
    vendor="Example",
    service="Example Chat",
    category=Category.CHAT,
    service_class=ServiceClass.AI,
    operator=PRC,
    reasons=(STORED, LAW),
)


class Table:
    """A database."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.rows = {
            IN_CN: GeoRecord("CN", 37963, "Alibaba", "test 2026-01-01"),
            IN_HK: GeoRecord("HK", 64512, None, "test 2026-01-01"),
            IN_US: GeoRecord("US", 13335, "Cloudflare", "test 2026-01-01"),
            IN_SG: GeoRecord("SG", 45102, "Alibaba (US)", "test 2026-01-01"),
        }

    def lookup(self, ip: bytes) -> GeoRecord | None:
        self.asked.append(ip)
        return self.rows.get(ip)


def signature(service_class: ServiceClass = ServiceClass.AI, operator: Operator = PRC) -> Signature:
    return replace(SIGNATURE, id=f"example.{service_class}", service_class=service_class, operator=operator)


def match(sig: Signature = SIGNATURE, region: str | None = None, pattern: str = "chat.example") -> Match:
    return Match(sig, pattern, region)


def hello(ip: bytes = IN_CN, protocol: Protocol = Protocol.TLS, kind: Kind = Kind.CLIENT_HELLO) -> Observation:
    return Observation(
        time_ns=1, protocol=protocol, kind=kind, name="chat.example", client=CLIENT, server=Endpoint(ip, 443)
    )


def dns(kind: Kind = Kind.QUERY, *addresses: bytes) -> Observation:
    return Observation(
        time_ns=1,
        protocol=Protocol.DNS,
        kind=kind,
        name="chat.example",
        client=CLIENT,
        server=RESOLVER,
        addresses=addresses,
    )


def connection(ip: bytes = IN_CN, named_by: NamedBy = NamedBy.ANSWER) -> Connection:
    name = None if named_by is NamedBy.NOTHING else "chat.example"
    return Connection(
        time_ns=1, transport=Transport.TCP, client=CLIENT, server=Endpoint(ip, 443), named_by=named_by, name=name
    )
