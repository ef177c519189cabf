"""Where bytes land: what a database says about an address, and what that makes of it.

The judge sees databases only through ``GeoLookup``; ``egret.geo`` is one.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from egret.judge.networks import is_mainland
from egret.model import Hosting

MAINLAND = "CN"
SARS = frozenset({"HK", "MO"})  # counted as China while Policy.count_sars is on; always shown as themselves
UNKNOWN = Hosting()


class GeoRecord(NamedTuple):
    """What the databases know about one address."""

    country: str | None  # ISO 3166-1 alpha-2
    asn: int | None
    as_org: str | None
    source: str  # which database, with its build date; several joined by " + "


class GeoLookup(Protocol):
    """Whatever knows addresses."""

    def lookup(self, ip: bytes) -> GeoRecord | None:
        """What is known about *ip* (packed, 4 or 16 bytes); None: nothing. Never raises."""


def counts_as_china(country: str | None, *, count_sars: bool) -> bool:
    """Whether an ISO code is "in China" as the operator set it."""
    return country == MAINLAND or (count_sars and country in SARS)


def hosting_of(record: GeoRecord | None, *, count_sars: bool) -> Hosting:
    """A record as the model's fact.

    The operator of a network that is on the mainland alone goes before a database that places its address abroad:
    such databases follow whois, where the holder wrote what it liked.
    """
    if record is None:
        return UNKNOWN
    country, source = record.country, record.source
    if is_mainland(record.asn) and country != MAINLAND and country not in SARS:
        country, source = MAINLAND, f"{source}, which says {country or 'nothing'}; AS{record.asn} is on the mainland"
    return Hosting(
        country=country,
        asn=record.asn,
        as_org=record.as_org,
        source=source,
        in_china=counts_as_china(country, count_sars=count_sars),
    )
