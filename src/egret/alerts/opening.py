"""An incident as its first detection makes it, and what is known of its client then and later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egret.alerts.model import Evidence, Incident, incident_id
from egret.alerts.veil import Veil
from egret.judge.approvals import Ruling
from egret.judge.identity import is_unknown
from egret.model import ClientIdentity, Detection
from egret.names import address_text

ABOUT = (  # the fields that no detection changes, but for the client's when it becomes known
    "id",
    "client",
    "signature",
    "vendor",
    "service",
    "category",
    "service_class",
    "operator",
    "alternatives",
    "references",
    "client_key",
    "client_name",
    "client_name_source",
    "client_groups",
    "client_mac",
    "client_role",
    "client_role_reason",
    "page",
)


def blank(detection: Detection, veil: Veil, approval: Ruling) -> Incident:
    """The incident that *detection* begins, before it is folded in."""
    seen, signature, verdict = detection.observation, detection.match.signature, detection.verdict
    client = address_text(seen.client.ip)
    return Incident(
        id=incident_id(veil.address(client), signature.id, seen.time_ns),
        client=client,
        signature=signature.id,
        vendor=signature.vendor,
        service=signature.service,
        category=signature.category,
        service_class=signature.service_class,
        severity=verdict.severity,
        score=0,
        evidence=Evidence.LOOKUP,
        operator=verdict.operator,
        hosting=verdict.hosting,
        region=detection.match.region,
        reasons=verdict.reasons,
        alternatives=signature.alternatives,
        references=signature.references,
        first_ns=seen.time_ns,
        last_ns=seen.time_ns,
        detections=0,
        lookups=0,
        connections=0,
        client_key=f"ip:{client}",
        approval=approval,
    )


def about(incident: Incident) -> dict[str, Any]:
    """What stays of it, by field: ``Incident`` is made anew of this and what changed, for each alert."""
    return {name: getattr(incident, name) for name in ABOUT}


def identified(known: Mapping[str, Any], client: ClientIdentity) -> dict[str, Any]:
    """The fields of *known* that *client* changes; nothing known is undone by an address alone."""
    if is_unknown(client) and not client.name and not client.groups and not client.role:
        return {}
    named = {"client_name": client.name, "client_name_source": client.source} if client.name else {}
    return named | {
        "client_key": known["client_key"] if is_unknown(client) else client.key,
        "client_groups": client.groups or known["client_groups"],
        "client_mac": client.mac or known["client_mac"],
        "client_role": client.role or known["client_role"],
        "client_role_reason": client.role_reason or known["client_role_reason"],
    }
