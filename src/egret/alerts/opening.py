"""What an incident is from its first detection on, and what is known of its client then and later."""

from __future__ import annotations

from typing import TypedDict, cast

from egret.alerts.model import Incident, incident_id
from egret.alerts.veil import Veil
from egret.judge.identity import is_unknown
from egret.model import Category, ClientIdentity, Detection, IdentitySource, Operator, Role, ServiceClass
from egret.names import address_text


class Lasting(TypedDict):
    """The fields of an ``Incident`` that no detection changes, but for the client's when it becomes known."""

    id: str
    client: str
    signature: str
    vendor: str
    service: str
    category: Category
    service_class: ServiceClass
    operator: Operator
    alternatives: tuple[str, ...]
    references: tuple[str, ...]
    client_key: str
    client_name: str | None
    client_name_source: IdentitySource
    client_groups: tuple[str, ...]
    client_mac: str | None
    client_role: Role | None
    client_role_reason: str
    page: str | None


def opened(detection: Detection, veil: Veil) -> Lasting:
    """What lasts of the incident that *detection* begins, its client in the clear and not known yet."""
    signature = detection.match.signature
    client = address_text(detection.observation.client.ip)
    return {
        "id": incident_id(veil.address(client), signature.id, detection.observation.time_ns),
        "client": client,
        "signature": signature.id,
        "vendor": signature.vendor,
        "service": signature.service,
        "category": signature.category,
        "service_class": signature.service_class,
        "operator": detection.verdict.operator,
        "alternatives": signature.alternatives,
        "references": signature.references,
        "client_key": f"ip:{client}",
        "client_name": None,
        "client_name_source": IdentitySource.ADDRESS,
        "client_groups": (),
        "client_mac": None,
        "client_role": None,
        "client_role_reason": "",
        "page": None,
    }


def lasting(incident: Incident) -> Lasting:
    """What lasts of an incident that was begun before a restart."""
    return cast("Lasting", {name: getattr(incident, name) for name in Lasting.__annotations__})


def identified(known: Lasting, client: ClientIdentity) -> Lasting:
    """With what is known of the client; nothing known is undone by an address alone."""
    if is_unknown(client) and not client.name and not client.groups and not client.role:
        return known
    return {
        **known,
        "client_key": known["client_key"] if is_unknown(client) else client.key,
        "client_name": client.name or known["client_name"],
        "client_name_source": client.source if client.name else known["client_name_source"],
        "client_groups": client.groups or known["client_groups"],
        "client_mac": client.mac or known["client_mac"],
        "client_role": client.role or known["client_role"],
        "client_role_reason": client.role_reason or known["client_role_reason"],
    }
