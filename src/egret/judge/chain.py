"""Jurisdiction as a chain of evidence: facts kept apart, each with who says so and since when.

Nothing here is computed from another fact. The operator's facts come from the signature, the place's from the host
name, the vendor's documents and the address, and an address never cancels a name: both stand, each for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from egret.evidence import About, ChainLink
from egret.judge.hosting import MAINLAND
from egret.judge.networks import DATE, SOURCE, NetworkClass, network
from egret.model import Hosting, Match, Operator, Scope
from egret.names import address_text

CONTESTED = "contested"  # a value of its own: neither the PRC nor another country
_ISO_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


class FactName(StrEnum):
    """What a link of the chain says. A closed list."""

    OPERATOR_COUNTRY = "operator_country"  # an ISO code, or "contested"
    CONTRACT_ENTITY = "contract_entity"
    STATED_REGION = "stated_region"  # by the host name
    DOCUMENTED_STORAGE = "documented_storage"  # the vendor's words
    DOCUMENTED_INFERENCE = "documented_inference"
    ADDRESS_COUNTRY = "address_country"  # an ISO code: HK and MO are themselves
    NETWORK = "network"  # the number and name that announce the address
    NETWORK_OPERATOR = "network_operator"  # whose network that is, and of which kind


def chain(match: Match, hosting: Hosting, ip: bytes | None) -> tuple[ChainLink, ...]:
    """Every fact that is known of a match, seen at *ip* (None: no address was seen)."""
    return (
        *_operator(match.signature.operator),
        *_region(match),
        *(_scope(match.scope) if match.scope else ()),
        *(_address(hosting, ip) if ip is not None else ()),
    )


def _operator(operator: Operator) -> Iterator[ChainLink]:
    linked = f"linked to {operator.country}; " if operator.country else ""
    note = f"{linked}whether PRC law reaches the operator is not settled" if operator.contested else ""
    country = CONTESTED if operator.contested else operator.country or "unknown"
    yield _link(About.OPERATOR, FactName.OPERATOR_COUNTRY, country, operator.source, operator.date, note)
    if operator.entity:
        yield _link(About.OPERATOR, FactName.CONTRACT_ENTITY, operator.entity, operator.source, operator.date)


def _region(match: Match) -> Iterator[ChainLink]:
    if match.region:
        source, date = f"the host name ({match.pattern})", match.signature.last_reviewed
        note = "names the entry point; where inference runs cannot be seen on the wire"
        yield _link(About.HOSTING, FactName.STATED_REGION, match.region, source, date, note)


def _scope(scope: Scope) -> Iterator[ChainLink]:
    if scope.storage:
        yield _link(About.HOSTING, FactName.DOCUMENTED_STORAGE, scope.storage, scope.source, scope.date, _WORDS)
    if scope.inference:
        note = "" if scope.includes_mainland is None else _INCLUDES[scope.includes_mainland]
        note = "; ".join(part for part in (note, _WORDS) if part)
        yield _link(About.HOSTING, FactName.DOCUMENTED_INFERENCE, scope.inference, scope.source, scope.date, note)


_WORDS = "the vendor's words, not an observation"
_INCLUDES = {True: "includes the Chinese mainland", False: "leaves the Chinese mainland out"}


def _address(hosting: Hosting, ip: bytes) -> Iterator[ChainLink]:
    source, dates = hosting.source or "", sorted(_ISO_DATE.findall(hosting.source or ""))
    date = dates[0] if dates else ""  # the oldest of several databases
    country = hosting.country or "unknown"
    yield _link(About.HOSTING, FactName.ADDRESS_COUNTRY, country, source, date, _country_note(hosting, ip))
    if hosting.asn is None:
        return
    name = f"AS{hosting.asn} {hosting.as_org or ''}".rstrip()
    yield _link(About.HOSTING, FactName.NETWORK, name, source, date)
    row = network(hosting.asn)
    if row is not None:
        cdn = row.network_class is NetworkClass.FOREIGN_CDN
        note = f"{row.network_class}{'; a content network, so the data may end elsewhere' if cdn else ''}"
        yield _link(About.HOSTING, FactName.NETWORK_OPERATOR, row.operator, SOURCE, DATE, note)


def _country_note(hosting: Hosting, ip: bytes) -> str:
    of = f"of {address_text(ip)}"
    if hosting.country is None:
        return f"{of}; no database knows it"
    if hosting.in_china and hosting.country != MAINLAND:
        return f"{of}; counted as in China (geoip.count_sars)"
    return of if hosting.in_china else f"{of}; says nothing about the operator"


def _link(about: About, fact: FactName, value: str, source: str, date: str, note: str = "") -> ChainLink:
    return ChainLink(about=about, fact=fact.value, value=value, source=source, date=date, note=note)
