"""The JSON form of a digest, both ways; docs/digest.schema.json is its schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from egret.alerts.digest import DIGEST_SCHEMA, Digest, FirstUse, Grant, Moved, Sight, Use
from egret.alerts.timestamps import parse_rfc3339, rfc3339
from egret.judge.approvals import ApprovalState
from egret.model import ServiceClass, Severity


def digest_to_dict(digest: Digest) -> dict[str, Any]:
    """Give *digest* as JSON-able values."""
    return {
        "schema": DIGEST_SCHEMA,
        "kind": "digest",
        "id": digest.id,
        "day": digest.day.isoformat(),
        "timezone": digest.zone,
        "time": rfc3339(digest.time_ns),
        "start": rfc3339(digest.start_ns),
        "end": rfc3339(digest.end_ns),
        "quiet": digest.is_quiet,
        "incidents_opened": {severity.value: digest.opened.get(severity.value, 0) for severity in Severity},
        "first_seen": [_first_to_dict(use) for use in digest.first_uses],
        "first_seen_more": digest.first_uses_more,
        "allowed": [_use_to_dict(use) for use in digest.uses],
        "allowed_more": digest.uses_more,
        "volumes": [moved._asdict() for moved in digest.moved],
        "volumes_more": digest.moved_more,
        "sight": _sight_to_dict(digest.sight),
    }


def _first_to_dict(use: FirstUse) -> dict[str, Any]:
    return {
        "time": rfc3339(use.time_ns),
        "client": use.client,
        "client_key": use.client_key,
        "client_name": use.client_name,
        "client_groups": list(use.groups),
        "signature": use.signature,
        "vendor": use.vendor,
        "service": use.service,
        "class": use.service_class.value,
        "severity": use.severity.value,
        "approval": use.approval.value,
        "incident": use.incident,
    }


def _use_to_dict(use: Use) -> dict[str, Any]:
    grant = use.grant
    return {
        "state": grant.state.value,
        "signature": grant.signature,
        "groups": list(grant.groups),
        "owner": grant.owner or None,
        "ticket": grant.ticket or None,
        "detections": use.detections,
        "bytes_out": use.bytes_out,
        "bytes_in": use.bytes_in,
    }


def _sight_to_dict(sight: Sight) -> dict[str, Any]:
    return {
        "watched_s": sight.watched_s,
        "connections": sight.connections,
        "named_share": sight.named_share,
        "lost": sight.lost,
        "link_down_s": dict(sight.link_down_s),
        "link_silent_s": dict(sight.link_silent_s),
        "canary_sent": sight.canary_sent,
        "canary_missed": sight.canary_missed,
        "problems": dict(sight.problems),
        "undelivered": dict(sight.undelivered),
    }


def digest_from_dict(data: Mapping[str, Any]) -> Digest:
    """Read a digest back.

    Raises:
        ValueError: not a digest of a version that we know.
    """
    try:
        if data["schema"] != DIGEST_SCHEMA:
            raise ValueError(f"schema is {data['schema']!r}, expected {DIGEST_SCHEMA}")
        return Digest(
            id=str(data["id"]),
            day=date.fromisoformat(data["day"]),
            zone=str(data["timezone"]),
            start_ns=parse_rfc3339(data["start"]),
            end_ns=parse_rfc3339(data["end"]),
            time_ns=parse_rfc3339(data["time"]),
            opened={str(Severity(name)): int(number) for name, number in data["incidents_opened"].items() if number},
            first_uses=tuple(map(_first, data["first_seen"])),
            first_uses_more=int(data["first_seen_more"]),
            uses=tuple(map(_use, data["allowed"])),
            uses_more=int(data["allowed_more"]),
            moved=tuple(Moved(str(m["signature"]), int(m["bytes_out"]), int(m["bytes_in"])) for m in data["volumes"]),
            moved_more=int(data["volumes_more"]),
            sight=_sight(data["sight"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"not a digest: {error!r}") from error


def _sight(data: Mapping[str, Any]) -> Sight:
    share = data["named_share"]
    return Sight(
        watched_s=int(data["watched_s"]),
        connections=int(data["connections"]),
        named_share=None if share is None else float(share),
        lost=int(data["lost"]),
        link_down_s=_numbers(data["link_down_s"]),
        link_silent_s=_numbers(data["link_silent_s"]),
        canary_sent=int(data["canary_sent"]),
        canary_missed=int(data["canary_missed"]),
        problems=_numbers(data["problems"]),
        undelivered=_numbers(data["undelivered"]),
    )


def _numbers(data: Mapping[str, Any]) -> dict[str, int]:
    return {str(label): int(number) for label, number in data.items()}


def _first(data: Mapping[str, Any]) -> FirstUse:
    return FirstUse(
        time_ns=parse_rfc3339(data["time"]),
        client=str(data["client"]),
        client_key=str(data["client_key"]),
        client_name=data["client_name"],
        groups=tuple(data["client_groups"]),
        signature=str(data["signature"]),
        vendor=str(data["vendor"]),
        service=str(data["service"]),
        service_class=ServiceClass(data["class"]),
        severity=Severity(data["severity"]),
        approval=ApprovalState(data["approval"]),
        incident=str(data["incident"]),
    )


def _use(data: Mapping[str, Any]) -> Use:
    grant = Grant(
        state=ApprovalState(data["state"]),
        signature=str(data["signature"]),
        groups=tuple(map(str, data["groups"])),
        owner=str(data["owner"] or ""),
        ticket=str(data["ticket"] or ""),
    )
    return Use(grant, int(data["detections"]), int(data["bytes_out"]), int(data["bytes_in"]))
