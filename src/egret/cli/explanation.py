"""Everything known about one name, address or incident, as a mapping: JSON for programs, made into text for people."""

from __future__ import annotations

import difflib
from typing import Any

from egret.alerts.codec import chain_to_list, parts_to_list
from egret.alerts.model import Incident
from egret.alerts.timestamps import rfc3339
from egret.catalog.match import Catalog
from egret.judge import reasons
from egret.judge.hosting import MAINLAND
from egret.judge.jurisdiction import place
from egret.judge.networks import network, network_class
from egret.judge.reasons import Evidence
from egret.judge.verdict import Judge, severity_of_class
from egret.model import Match
from egret.names import address_text
from egret.value import asdict

MAX_SIMILAR = 3
_SIMILARITY = 0.75  # qvven.ai against qwen.ai is 0.8; at 0.6 every short name resembles every other


def explain_name(name: str, catalog: Catalog, judge: Judge) -> dict[str, Any]:
    """What is known about a canonical host name. Nothing is resolved, so there is no address."""
    match = catalog.match_name(name)
    head: dict[str, Any] = {"name": name, "address": None, "known": match is not None}
    if match is None:
        return head | {"similar": similar(name, catalog), "catalogue": catalog.version}
    return head | _service(match, None, judge) | {"hosting": None, "catalogue": catalog.version}


def explain_address(ip: bytes, catalog: Catalog, judge: Judge) -> dict[str, Any]:
    """What is known about a packed address: its hosting, and a signature if one names its network."""
    match = catalog.match_address(ip, None)
    head: dict[str, Any] = {"name": None, "address": address_text(ip), "known": match is not None}
    hosting = judge.hosting(ip)
    row = network(hosting.asn)
    facts = asdict(hosting) | {"network": network_class(hosting.asn), "network_operator": row.operator if row else None}
    unnamed = judge.unnamed(ip) if match is None else None
    if unnamed is not None:
        head["unnamed"] = {"service": unnamed.signature.service, **_service(unnamed, ip, judge)}
    service = _service(match, ip, judge) if match else {}
    return head | service | {"hosting": facts, "catalogue": catalog.version}


def explain_incident(incident: Incident, catalog: Catalog) -> dict[str, Any]:
    """How the verdict on a kept incident came about, as it was then."""
    return {
        "name": None,
        "address": None,
        "known": True,
        "incident": incident.id,
        "client": incident.client,
        "signature": incident.signature,
        "vendor": incident.vendor,
        "service": incident.service,
        "category": incident.category,
        "class": incident.service_class,
        "severity": incident.severity,
        "first": rfc3339(incident.first_ns),
        "last": rfc3339(incident.last_ns),
        "hosts": list(incident.hosts),
        "score": incident.score,
        "score_parts": parts_to_list(incident.score_parts),
        "jurisdiction_chain": chain_to_list(incident.jurisdiction_chain),
        "reasons": list(incident.reasons),
        "alternatives": list(incident.alternatives),
        "references": list(incident.references),
        "catalogue": catalog.version,
    }


def similar(name: str, catalog: Catalog) -> list[str]:
    """Hosts of the catalogue that are spelled like *name* or like the domain it is in."""
    hosts = sorted({host.pattern for signature in catalog.signatures for host in signature.hosts})
    spellings = dict.fromkeys((name, ".".join(name.split(".")[-2:])))
    found = [host for text in spellings for host in difflib.get_close_matches(text, hosts, MAX_SIMILAR, _SIMILARITY)]
    return list(dict.fromkeys(found))[:MAX_SIMILAR]


def _service(match: Match, ip: bytes | None, judge: Judge) -> dict[str, Any]:
    signature = match.signature
    seen = () if ip is None else (ip,)
    evidence = Evidence.NAME if ip is None else Evidence.ADDRESS
    verdict = judge.judge(match, seen, evidence)
    where = place(match.region, verdict.hosting, count_sars=judge.policy.count_sars)
    facts = reasons.facts(match, verdict.hosting, where, ip, evidence, stepped_down=False)
    in_china = severity_of_class(signature, MAINLAND, judge.policy)
    return {
        "signature": signature.id,
        "vendor": signature.vendor,
        "service": signature.service,
        "category": signature.category,
        "class": signature.service_class,
        "pattern": match.pattern,
        "severity": verdict.severity,
        "severity_of_a_lookup": judge.judge(match, seen, Evidence.LOOKUP).severity,
        "severity_in_china": in_china if in_china is not verdict.severity and match.region is None else None,
        "score": verdict.score,
        "score_parts": parts_to_list(verdict.score_parts),
        "jurisdiction_chain": chain_to_list(verdict.jurisdiction_chain),
        "operator": asdict(signature.operator),
        "region": match.region,
        "regions": sorted({host.region for host in signature.hosts if host.region}),
        "facts": list(facts),
        "reasons": [asdict(each) for each in reasons.quoted(signature, where)],
        "alternatives": list(signature.alternatives),
        "references": list(signature.references),
        "last_reviewed": signature.last_reviewed,
        "note": signature.note,
    }
