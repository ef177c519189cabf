"""The lines under a verdict: its own facts first, then what the signature's sources say, with what is said against it.

No line may contradict the verdict: where the host name states a region outside China, or a contested operator's address
is outside, a source's line about data being stored in or routed to China is left out; where it is on the mainland, one
that calls PRC law's reach to the data contested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from egret.judge.hosting import MAINLAND
from egret.judge.jurisdiction import Basis, Place
from egret.judge.networks import NetworkClass, network
from egret.model import Hosting, Match, Operator, Reasoning, Scope, ServiceClass, Signature
from egret.names import address_text

# Compiled by the first verdict that asks: of all patterns this takes longest, and few places let it be asked for.
_PLACES_DATA_IN_CHINA = (
    r"(?i)\b(?:stor(?:es?|ed|age|ing)|host(?:s|ed|ing)|process(?:es|ed|ing)|rout(?:es?|ed|ing)|sen[dt]s?|go(?:es)?|lands?|located|"
    r"kept|stays?|resid(?:es?|ency)|transfers?|transferred)\b(?:(?!\b(?:outside|not|never|abroad)\b)[^.;])*"
    r"\b(?:PRC|China|Chinese|Beijing|mainland)\b"
)
_LAW_OF_DATA_CONTESTED = r"(?i)\bwhether PRC law reaches the data\b"
_BEHIND_ECH = "The name is encrypted in the handshake (ECH) and inferred from the client's own look-up"


class Evidence(StrEnum):
    """What a detection rests on."""

    NAME = "name"  # the connection or message carried the name
    ANSWER = "answer"  # an earlier DNS answer named the address
    ADDRESS = "address"  # a network in the catalogue; no name at all
    LOOKUP = "lookup"  # a DNS message; no connection
    INNER = "inner"  # behind Encrypted Client Hello; the client's own look-up says which name
    INNER_UNSURE = "inner-unsure"  # the same, and other names fit as well


def facts(
    match: Match, hosting: Hosting, where: Place, ip: bytes | None, evidence: Evidence, *, stepped_down: bool
) -> tuple[str, ...]:
    """The verdict's own lines, most important first.

    Args:
        match: what the catalogue said.
        hosting: of *ip*.
        where: the place the severity rests on.
        ip: the address the bytes go to, if it was seen.
        evidence: what the detection rests on.
        stepped_down: the severity is one step lower because only a look-up was seen.
    """
    signature = match.signature
    found = [operator_line(signature.operator)]
    if match.region:
        found.append(f"The host name states the region {match.region}")
    if signature.service_class is ServiceClass.AI and _stated_elsewhere(where):
        found.append("A stated region names the entry point; where inference runs cannot be seen on the wire")
    if match.scope is not None:
        found += _scope_lines(match.scope)
    found.append(_address_line(signature.operator, hosting, ip))
    found += _evidence_lines(match, evidence, stepped_down=stepped_down)
    return tuple(found)


def quoted(signature: Signature, where: Place) -> tuple[Reasoning, ...]:
    """The signature's lines that do not contradict the place.

    An address abroad speaks for a contested operator only: for the others it may be a content network's.
    """
    abroad = where.basis is Basis.ADDRESS and not where.in_china
    elsewhere = _stated_elsewhere(where) or (abroad and signature.operator.contested)
    if elsewhere:
        return tuple(each for each in signature.reasons if not re.search(_PLACES_DATA_IN_CHINA, each.text))
    if where.country == MAINLAND:  # of data on the mainland nobody contests it
        return tuple(each for each in signature.reasons if not re.search(_LAW_OF_DATA_CONTESTED, each.text))
    return signature.reasons


def attributed(reasoning: Reasoning) -> str:
    """One line of a signature with who says so, since when, and what is said against it."""
    source = ", ".join(part for part in (reasoning.source, reasoning.date) if part)
    counter = f". Against it: {reasoning.counter}" if reasoning.counter else ""
    return f"{reasoning.text}{f' ({source})' if source else ''}{counter}"


def operator_line(operator: Operator) -> str:
    """Whose law reaches the operator, as far as it is known."""
    source = ", ".join(part for part in (operator.source, operator.date) if part)
    said = f" ({source})" if source else ""
    entity = f": {operator.entity}" if operator.entity else ""
    if operator.contested:
        return f"Operator contested{entity}; whether PRC law reaches it is not settled{said}"
    if operator.country == MAINLAND:
        return f"PRC-operated{entity}{said}"
    return f"Operated from {operator.country or 'an unknown country'}{entity}{said}"


def _scope_lines(scope: Scope) -> Iterator[str]:
    source = ", ".join(part for part in (scope.source, scope.date) if part)
    said = [f"{what}: {words}" for what, words in (("storage", scope.storage), ("inference", scope.inference)) if words]
    if said:
        yield f"Documented by the vendor, {'; '.join(said)}{f' ({source})' if source else ''}"


def _stated_elsewhere(where: Place) -> bool:
    return where.basis is Basis.NAME and not where.in_china


def _address_line(operator: Operator, hosting: Hosting, ip: bytes | None) -> str:
    if ip is None:
        return "The address of the service was not seen"
    if hosting.source is None:
        return f"No database knows where {address_text(ip)} is"
    row = network(hosting.asn)
    names = f"AS{hosting.asn} {hosting.as_org or ''}".rstrip() if hosting.asn else "network unknown"
    line = f"{address_text(ip)} is in {hosting.country or 'an unknown country'}, {names} ({hosting.source})"
    if row and row.network_class is NetworkClass.FOREIGN_CDN:
        return f"{line}; a content network, so the data may end elsewhere"
    if not hosting.in_china and (operator.contested or operator.country == MAINLAND):
        return f"{line}; this says nothing about the operator"
    return line


def _evidence_lines(match: Match, evidence: Evidence, *, stepped_down: bool) -> Iterator[str]:
    if evidence is Evidence.LOOKUP:
        yield f"Only a look-up, no connection seen{'; one step lower for that' if stepped_down else ''}"
    elif evidence is Evidence.ANSWER:
        yield "Named by an earlier DNS answer to this client, not by the connection itself"
    elif evidence is Evidence.INNER:
        yield f"{_BEHIND_ECH}; of this client's look-ups only this name fits"
    elif evidence is Evidence.INNER_UNSURE:
        yield f"{_BEHIND_ECH}; several fit and this one was looked up last: low confidence"
    elif evidence is Evidence.ADDRESS:
        yield f"Recognised by its address alone ({match.pattern})"
