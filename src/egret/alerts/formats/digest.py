"""Digests for people, as our own JSON, and in ECS and EVE envelopes. OCSF has no class for them and takes our own form.

What the network named is escaped, as in alerts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from egret.alerts.digest import MAX_ROWS, Digest, FirstUse, Sight, Use
from egret.alerts.digest_codec import digest_to_dict
from egret.alerts.formats.cef import SEVERITY, cef_line
from egret.alerts.formats.ecs import ECS_VERSION
from egret.alerts.formats.inert import cut, inert
from egret.alerts.formats.leef import leef_line
from egret.alerts.model import Sensor
from egret.alerts.timestamps import SECOND_NS, rfc3339
from egret.alerts.volume import bytes_text
from egret.judge.approvals import ApprovalState
from egret.names import printable

DigestLine = Callable[[Digest, Sensor, int | None], str]  # None: no largest line
_SHOWN = 30  # rows of a list in a text for people
_STEPS = (MAX_ROWS, 100, 50, 20, 10, 5, 2, 0)  # rows of a list that are tried where a line has a bound


def title(digest: Digest) -> str:
    """A subject for mail and chat."""
    what = "quiet" if digest.is_quiet else f"{_first(digest)} new, {_of(sum(digest.opened.values()), 'incident')}"
    return f"Egret: digest of {digest.day.isoformat()}: {what}"


def digest_headline(digest: Digest) -> str:
    """Say the day in one printable line."""
    day = f"digest of {digest.day.isoformat()} ({digest.zone})"
    if digest.is_quiet:
        return printable(f"{day}: quiet, no incident and no allowed use; {_sight(digest)}")
    opened = ", ".join(f"{number} {severity}" for severity, number in digest.opened.items())
    parts = [
        f"{_of(sum(digest.opened.values()), 'incident')}{f' ({opened})' if opened else ''}",
        f"{_of(_first(digest), 'service')} used by a client for the first time",
        *(f"{_of(_detections(digest, state), 'detection')} of {state.value} use" for state in _states(digest)),
    ]
    return printable("; ".join([f"{day}: {parts[0]}", *parts[1:], _sight(digest)]))


def digest_lines(digest: Digest) -> list[str]:
    """The day in lines, each printable and without a line end."""
    lines = [digest_headline(digest)]
    lines += _section("first seen", map(_first_line, digest.first_uses), digest.first_uses_more)
    lines += _section("allowed", map(_use_line, digest.uses), digest.uses_more)
    moved = (f"{row.signature}: {_bytes(row.bytes_out, row.bytes_in)}" for row in digest.moved)
    lines += _section("volumes, of all clients", moved, digest.moved_more)
    lines += _section("the sensor", _sight_lines(digest.sight), 0)
    return list(map(printable, lines))


def _section(name: str, rows: Iterator[str], more: int) -> list[str]:
    found = list(rows)
    more += max(0, len(found) - _SHOWN)
    lines = [f"    {row}" for row in found[:_SHOWN]] + ([f"    and {more} more"] if more else [])
    return [f"  {name}:", *lines] if lines else []


def _first(digest: Digest) -> int:
    return len(digest.first_uses) + digest.first_uses_more


def _states(digest: Digest) -> list[ApprovalState]:
    found = {use.grant.state for use in digest.uses}
    return [state for state in ApprovalState if state in found]


def _detections(digest: Digest, state: ApprovalState) -> int:
    return sum(use.detections for use in digest.uses if use.grant.state is state)


def _first_line(use: FirstUse) -> str:
    who = f"{use.client_name} ({use.client})" if use.client_name else use.client
    groups = f" [{', '.join(use.groups)}]" if use.groups else ""
    decided = "" if use.approval is ApprovalState.UNREVIEWED else f", {use.approval.value.replace('_', ' ')}"
    return f"{rfc3339(use.time_ns)[11:16]}Z {who}{groups}: {use.service} ({use.vendor}), {use.severity.value}{decided}"


def _use_line(use: Use) -> str:
    grant = use.grant
    whom = f" by {', '.join(grant.groups)}" if grant.groups else ""
    terms = "; ".join(text for text in (grant.owner, grant.ticket) if text)
    said = f" ({terms})" if terms else ""
    moved = f", {_bytes(use.bytes_out, use.bytes_in)}" if use.bytes_out or use.bytes_in else ""
    return f"{grant.state.value}: {grant.signature}{whom}{said}: {_of(use.detections, 'detection')}{moved}"


def _of(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _bytes(out: int, back: int) -> str:
    return f"sent {bytes_text(out)}, received {bytes_text(back)}"


def _sight(digest: Digest) -> str:
    sight = digest.sight
    hours, whole = sight.watched_s / 3600, (digest.end_ns - digest.start_ns) / SECOND_NS / 3600
    if not sight.watched_s:
        return "Egret did not watch on that day, so nothing is known of it"
    said = [f"watched {hours:.1f} of {whole:.0f} h"]
    said += (
        [f"{sight.named_share:.1%} of {sight.connections} connections named"] if sight.named_share is not None else []
    )
    said.append(f"{sight.lost} packets lost" if sight.lost else "nothing lost")
    said += [f"canary missed {sight.canary_missed} of {sight.canary_sent}"] if sight.canary_missed else []
    return ", ".join(said)


def _sight_lines(sight: Sight) -> Iterator[str]:
    for name, seconds in sorted(sight.link_down_s.items()):
        yield f"{name} was down for {seconds} s"
    for name, seconds in sorted(sight.link_silent_s.items()):
        yield f"{name} gave no packet for {seconds} s"
    if sight.canary_sent:
        yield f"canary: {sight.canary_sent} sent, {sight.canary_missed} missed"
    for problem, number in sorted(sight.problems.items()):
        yield f"{problem.replace('_', ' ')}: {_of(number, 'time')}"
    for fate, number in sorted(sight.undelivered.items()):
        yield f"alerts {fate}: {number}"


def digest_to_own(digest: Digest, sensor: Sensor) -> dict[str, Any]:
    """Give *digest* in our own, versioned form, with the sensor that said it."""
    return {**digest_to_dict(digest), "sensor": {"version": sensor.version, "hostname": sensor.hostname}}


def digest_to_ecs(digest: Digest, sensor: Sensor) -> dict[str, Any]:
    """Give *digest* in ECS field names: a metric of a day."""
    host = {"hostname": sensor.hostname} if sensor.hostname else {}
    return {
        "@timestamp": rfc3339(digest.time_ns),
        "ecs": {"version": ECS_VERSION},
        "message": digest_headline(digest),
        "tags": ["egret", "digest"],
        "event": {
            "kind": "metric",
            "category": ["network"],
            "type": ["info"],
            "action": "digest",
            "id": digest.id,
            "severity": 1,
            "module": "egret",
            "dataset": "egret.digest",
            "provider": "egret",
            "start": rfc3339(digest.start_ns),
            "end": rfc3339(digest.end_ns),
        },
        "observer": {"vendor": "Egret", "product": "egret", "type": "sensor", "version": sensor.version, **host},
        "egret": {"digest": digest_to_dict(digest)},
    }


def _to_eve(digest: Digest, sensor: Sensor) -> dict[str, Any]:
    event = {"timestamp": f"{rfc3339(digest.time_ns)[:26]}+0000", "event_type": "egret_digest", "host": sensor.hostname}
    return {**event, "egret_digest": digest_to_own(digest, sensor)}


def _json(form: Callable[[Digest, Sensor], dict[str, Any]]) -> DigestLine:
    def line(digest: Digest, sensor: Sensor, limit: int | None) -> str:
        """One line; where it would be longer than *limit*, fewer rows, which it counts."""
        text = ""
        for rows in _STEPS:
            text = json.dumps(form(digest.shortened(rows), sensor), separators=(",", ":"))
            if limit is None or len(text) <= limit:
                break
        return text

    return line


def _text(digest: Digest, _sensor: Sensor, limit: int | None) -> str:
    text = inert(digest_headline(digest))
    return text if limit is None else cut(text, limit)


def _cef(digest: Digest, sensor: Sensor, limit: int | None) -> str:
    head = (sensor.version, "egret.digest", "daily digest", str(SEVERITY[digest.severity]))
    return cef_line(head, _fields(digest, sensor, ("rt", "dvchost")), limit)


def _leef(digest: Digest, sensor: Sensor, limit: int | None) -> str:
    fields = [("sev", SEVERITY[digest.severity]), *_fields(digest, sensor, ("devTime", "sensor"))]
    return leef_line((sensor.version, "egret.digest"), fields, limit)


def _fields(digest: Digest, sensor: Sensor, names: tuple[str, str]) -> Iterator[tuple[str, object]]:
    yield names[0], digest.time_ns // 1_000_000
    yield "externalId", digest.id
    yield "act", "digest"
    yield "msg", digest_headline(digest)
    yield names[1], sensor.hostname


DIGEST_LINES: Mapping[str, DigestLine] = {
    "text": _text,
    "cef": _cef,
    "leef": _leef,
    "eve": _json(_to_eve),
    "ecs": _json(digest_to_ecs),
    "jsonl": _json(digest_to_own),
    "ocsf": _json(digest_to_own),
}
