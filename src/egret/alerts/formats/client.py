"""Who the client of an incident is, in words and in the field names of ECS and OCSF.

A name that DHCP gives is the client's own choice, and words say so; what speaks for others is said to.
"""

from __future__ import annotations

from typing import Any

from egret.alerts.model import Incident
from egret.alerts.veil import clear, is_pseudonym
from egret.model import ClientIdentity, IdentitySource, Role

_FROM = {
    IdentitySource.STATIC: "named in the configuration",
    IdentitySource.LEASE: "a name that it gave itself, by DHCP",
    IdentitySource.HOSTS: "named in the hosts file",
}
_ROLES = {
    Role.RESOLVER: "looks up names for others",
    Role.PROXY: "connects for others",
    Role.NAT: "has others behind its address",
    Role.SERVER: "is a server",
}
_SHOWN = 3  # addresses in a line


def client_text(incident: Incident) -> str:
    """Name and address, or the address alone."""
    name = incident.client_name
    return f"{name} ({incident.client})" if name else incident.client


def role_text(incident: Incident) -> str | None:
    """What to know before anybody is asked about it; None for an ordinary client, and for a server."""
    role = incident.client_role
    if role is None or not role.speaks_for_others:
        return None
    reason = incident.client_role_reason
    return f"this client speaks for others: it {_ROLES[role]}{f' ({reason})' if reason else ''}"


def client_line(incident: Incident) -> str:
    """What is known of the client beside its address; empty where that is nothing."""
    known = []
    if incident.client_name:
        known.append(_FROM.get(incident.client_name_source, "as its hardware address is named"))
    known += [incident.client_mac] if incident.client_mac else []
    known += [f"in {', '.join(incident.client_groups)}"] if incident.client_groups else []
    known += ["a server"] if incident.client_role is Role.SERVER else []
    others = [address for address in incident.client_addresses if address != incident.client]
    if others:
        more = len(others) - _SHOWN
        known.append(f"also {', '.join(others[:_SHOWN])}{f' and {more} more' if more > 0 else ''}")
    return "; ".join(known)


def ecs_end(incident: Incident) -> dict[str, Any]:
    """Fields of ECS ``source`` and ``client``: the name and the hardware address."""
    return {"domain": incident.client_name, "mac": _ecs_mac(clear(incident.client_mac))}


def ecs_host(incident: Incident) -> dict[str, Any]:
    """ECS ``host``, by which others join what they know of a machine: only where the operator named it."""
    if incident.client_name_source is not IdentitySource.STATIC:
        return {}
    mac = _ecs_mac(clear(incident.client_mac))
    addresses = [address for address in incident.client_addresses if clear(address)]
    return {"host": {"name": incident.client_name, "ip": addresses or None, "mac": [mac] if mac else None}}


def ecs_detection_end(client: ClientIdentity | None) -> dict[str, Any]:
    """As ``ecs_end``, of a single detection."""
    return {"domain": client.name, "mac": _ecs_mac(client.mac)} if client else {}


def client_fields(client: ClientIdentity | None) -> dict[str, Any]:
    """Our own fields of a single detection's client, as those of an incident."""
    role = client.role if client else None
    return {
        "client_key": client.key if client else None,
        "client_name": client.name if client else None,
        "client_groups": list(client.groups) if client else [],
        "client_mac": client.mac if client else None,
        "client_role": role.value if role else None,
    }


def ocsf_endpoint(incident: Incident) -> dict[str, Any]:
    """OCSF's network endpoint of the client."""
    known = {
        "ip": clear(incident.client),
        "name": incident.client_name,
        "mac": clear(incident.client_mac),
        "uid": _uid(incident),
    }
    return {key: value for key, value in known.items() if value}


def ocsf_resource(incident: Incident) -> dict[str, Any]:
    """OCSF's resource that the finding is about."""
    labels = [*incident.client_groups, *([f"role:{incident.client_role.value}"] if incident.client_role else [])]
    return {
        "name": incident.client_name or incident.client,
        "type": "client",
        **({"ip": ip} if (ip := clear(incident.client)) else {}),
        **({"uid": uid} if (uid := _uid(incident)) else {}),
        **({"labels": labels} if labels else {}),
    }


def _uid(incident: Incident) -> str | None:
    """The client's key where it says more than its address, or where its address is not said."""
    if not incident.client_key.startswith("ip:"):
        return incident.client_key
    return incident.client if is_pseudonym(incident.client) else None


def _ecs_mac(mac: str | None) -> str | None:
    """ECS: upper case with hyphens (RFC 7042)."""
    return mac.upper().replace(":", "-") if mac else None
