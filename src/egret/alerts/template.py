"""A receiver's own JSON: a structure whose texts name fields as ``${field}``, or ``${field:plain}`` for a chat.

The structure is the operator's and is never parsed again, so no value from the network can change it: JSON escapes
what stands in it. A text that is one field and nothing else becomes the field's own value, number, list or null.
``${env:NAME}`` and ``${file:/path}`` are secrets, which are put in their places once, before anything is rendered.
An alert about the sensor itself and a digest go into the same structure; what they have not is null, or nothing within
a text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from egret.alerts.digest import Digest
from egret.alerts.formats.digest import digest_headline
from egret.alerts.formats.inert import plain
from egret.alerts.formats.sensor import sensor_headline, sensor_line
from egret.alerts.formats.text import headline, main_host, one_line
from egret.alerts.model import Action, Alert
from egret.alerts.sensor import SensorAlert, Turn
from egret.alerts.timestamps import rfc3339
from egret.model import Severity
from egret.names import printable

_FIELD = re.compile(r"\$(?:(\$)|\{([^}:]*)(?::([^}]*))?\})")  # "$$" is a dollar sign
_PLAIN = "plain"
_SECRETS = ("file", "env")
_COLORS = ("#6b7280", "#2563eb", "#d97706", "#dc2626", "#7f1d1d")  # by severity, the mildest first
_LEVELS = ("info", "info", "warning", "error", "critical")  # the words that pagers have


def _server(alert: Alert) -> str | None:
    servers = alert.incident.servers
    return servers[-1].ip if servers else None


def _pager(*, over: bool) -> str:
    return "resolve" if over else "trigger"


def _of(severity: Severity, words: tuple[str, ...]) -> str:
    return words[severity.rank]


FIELDS: Mapping[str, Callable[[Alert], object]] = {
    "id": lambda alert: alert.id,
    "action": lambda alert: alert.action.value,
    "sequence": lambda alert: alert.sequence,
    "time": lambda alert: rfc3339(alert.time_ns),
    "time_s": lambda alert: alert.time_ns // 1_000_000_000,
    "severity": lambda alert: alert.severity.value,
    "previous_severity": lambda alert: alert.previous_severity.value if alert.previous_severity else None,
    "line": one_line,
    "headline": headline,
    "incident": lambda alert: alert.incident.id,
    "page": lambda alert: alert.incident.page,
    "client": lambda alert: alert.incident.client,
    "client_name": lambda alert: alert.incident.client_name,
    "client_groups": lambda alert: list(alert.incident.client_groups),
    "vendor": lambda alert: alert.incident.vendor,
    "service": lambda alert: alert.incident.service,
    "signature": lambda alert: alert.incident.signature,
    "class": lambda alert: alert.incident.service_class.value,
    "category": lambda alert: alert.incident.category.value,
    "score": lambda alert: alert.incident.score,
    "evidence": lambda alert: alert.incident.evidence.value,
    "operator_country": lambda alert: alert.incident.operator.country,
    "operator_contested": lambda alert: alert.incident.operator.contested,
    "hosting_country": lambda alert: alert.incident.hosting.country,
    "host": lambda alert: main_host(alert.incident),
    "server": _server,
    "first": lambda alert: rfc3339(alert.incident.first_ns),
    "last": lambda alert: rfc3339(alert.incident.last_ns),
    "detections": lambda alert: alert.incident.detections,
    "connections": lambda alert: alert.incident.connections,
    "lookups": lambda alert: alert.incident.lookups,
    "bytes_out": lambda alert: alert.incident.bytes_out,
    "bytes_in": lambda alert: alert.incident.bytes_in,
    "reasons": lambda alert: list(alert.incident.reasons),
    "alternatives": lambda alert: list(alert.incident.alternatives),
    "approval": lambda alert: alert.incident.approval.state.value,
    "close_reason": lambda alert: alert.incident.close_reason.value if alert.incident.close_reason else None,
    "kind": lambda _: "incident",
    "thread": lambda alert: alert.incident.id,
    "event_action": lambda alert: _pager(over=alert.action is Action.CLOSED),
    "level": lambda alert: _of(alert.severity, _LEVELS),
    "color": lambda alert: _of(alert.severity, _COLORS),
    "problem": lambda _: None,
    "subject": lambda _: None,
    "advice": lambda _: None,
}
SENSOR_FIELDS: Mapping[str, Callable[[SensorAlert], object]] = {
    "id": lambda alert: alert.id,
    "action": lambda alert: alert.turn.value,
    "time": lambda alert: rfc3339(alert.time_ns),
    "time_s": lambda alert: alert.time_ns // 1_000_000_000,
    "first": lambda alert: rfc3339(alert.since_ns),
    "severity": lambda alert: alert.severity.value,
    "line": sensor_line,
    "headline": sensor_headline,
    "service": lambda _: "the sensor itself",
    "kind": lambda _: "sensor",
    "thread": lambda alert: f"egret {alert.finding.problem.value} {alert.finding.subject}".strip(),
    "event_action": lambda alert: _pager(over=alert.turn is Turn.RECOVERED),
    "level": lambda alert: _of(alert.severity, _LEVELS),
    "color": lambda alert: _of(alert.severity, _COLORS),
    "problem": lambda alert: alert.finding.problem.value,
    "subject": lambda alert: alert.finding.subject,
    "advice": lambda alert: alert.finding.advice,
}
DIGEST_FIELDS: Mapping[str, Callable[[Digest], object]] = {
    "id": lambda digest: digest.id,
    "action": lambda _: "digest",
    "time": lambda digest: rfc3339(digest.time_ns),
    "time_s": lambda digest: digest.time_ns // 1_000_000_000,
    "first": lambda digest: rfc3339(digest.start_ns),
    "last": lambda digest: rfc3339(digest.end_ns),
    "severity": lambda digest: digest.severity.value,
    "line": digest_headline,
    "headline": digest_headline,
    "service": lambda digest: f"the day {digest.day.isoformat()}",
    "kind": lambda _: "digest",
    "thread": lambda _: "egret digest",
    "event_action": lambda _: _pager(over=True),  # nobody is to be called for it
    "level": lambda digest: _of(digest.severity, _LEVELS),
    "color": lambda digest: _of(digest.severity, _COLORS),
}
Told = Alert | SensorAlert | Digest


def check(template: object) -> None:
    """Whether every field that *template* names exists.

    Raises:
        ValueError: one does not; says which, and the nearest that does.
    """
    for text in _texts(template):
        for dollar, field, manner in _FIELD.findall(text):
            if field in _SECRETS:
                continue
            if not dollar and field not in FIELDS:
                near = difflib.get_close_matches(field, FIELDS, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"one of: {', '.join(FIELDS)}"
                raise ValueError(f"unknown field '{printable(field)}' in the template ({hint})")
            if manner not in {"", _PLAIN}:
                raise ValueError(
                    f"unknown '{printable(manner)}' after ${{{field}: in the template (only '{_PLAIN}' may be)"
                )


def references(template: object) -> list[str]:
    """The secrets that *template* names, as ``env:NAME`` and ``file:/path``."""
    found = (match for text in _texts(template) for match in _FIELD.findall(text))
    return [f"{kind}:{place}" for _, kind, place in found if kind in _SECRETS]


def fill(template: Any, secrets: Mapping[str, str]) -> Any:
    """*template* with the values of ``references``; nothing in them is taken for a field."""

    def secret(found: re.Match[str]) -> str:
        return secrets[f"{found[2]}:{found[3] or ''}"].replace("$", "$$") if found[2] in _SECRETS else found[0]

    if isinstance(template, str):
        return _FIELD.sub(secret, template)
    if isinstance(template, Mapping):
        return {key: fill(value, secrets) for key, value in template.items()}
    return [fill(value, secrets) for value in template] if isinstance(template, list | tuple) else template


def render(template: Any, alert: Told) -> Any:
    """*template* with the values of *alert* in place of its fields: JSON-able."""
    if isinstance(template, str):
        return _render_text(template, alert)
    if isinstance(template, Mapping):
        return {str(key): render(value, alert) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [render(value, alert) for value in template]
    return template


def _render_text(text: str, alert: Told) -> object:
    whole = _FIELD.fullmatch(text)
    if whole and not whole[1]:
        return _safe(_value(whole[2], alert), whole[3])
    return _FIELD.sub(lambda found: "$" if found[1] else _as_text(_safe(_value(found[2], alert), found[3])), text)


def _value(field: str, alert: Told) -> object:
    if isinstance(alert, Alert):
        return FIELDS[field](alert)
    if isinstance(alert, Digest):
        of_day = DIGEST_FIELDS.get(field)
        return of_day(alert) if of_day else None
    known = SENSOR_FIELDS.get(field)
    return known(alert) if known else None


def _safe(value: object, manner: str | None) -> object:
    if isinstance(value, list):
        return [_safe(item, manner) for item in value]
    if not isinstance(value, str):
        return value
    return plain(value) if manner else printable(value)


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)


def _texts(template: object) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from _texts(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from _texts(value)
