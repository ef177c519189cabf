"""One incident: who, what, whose law, where, why, what was said of it to whom, and the proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from egret.alerts.formats.client import client_text, role_text
from egret.alerts.model import Incident, Server
from egret.alerts.timestamps import parse_rfc3339
from egret.alerts.volume import volume_text
from egret.evidence import About
from egret.model import IdentitySource
from egret.web.html import counted, definitions, moment, section, state, table, text
from egret.web.status import Delivered, DeliveryState, Story, Told
from egret.web.words import (
    CLASSES,
    QUESTIONS,
    chain,
    decision,
    hosting_cell,
    operator_cell,
    seen_words,
    severity_badge,
)

SECTIONS = (
    ("/", "All incidents"),
    ("who", "Who"),
    ("what", "What"),
    ("law", "Whose law"),
    ("where", "Where"),
    ("why", "Why"),
    ("alerts", "Alerts"),
    ("proof", "Proof"),
)
_NAMED_BY = {
    IdentitySource.STATIC: "named in the configuration",
    IdentitySource.LEASE: "a name that it gave itself, by DHCP",
    IdentitySource.HOSTS: "named in the hosts file",
    IdentitySource.NEIGHBOUR: "by the neighbour table",
    IdentitySource.EUI64: "by the hardware address in its own",
    IdentitySource.ADDRESS: "by its address alone",
}
_STATES = {
    DeliveryState.DONE: "delivered",
    DeliveryState.WAITING: "waiting",
    DeliveryState.DEAD: "refused",
}


def incident_page(story: Story, now_ns: int) -> str:
    """What the page of an incident holds."""
    incident = story.incident
    parts = [
        _headline(incident, now_ns),
        section("who", "Who", definitions(_who(incident))),
        section("what", "What", definitions(_what(incident)) + _servers(incident)),
        '<div class="pair">',
        section("law", QUESTIONS[About.OPERATOR], _law(incident)),
        section("where", QUESTIONS[About.HOSTING], _where(incident)),
        "</div>",
        section("why", "Why", _why(incident)),
        section("alerts", "Timeline and alerts", _timeline(story, now_ns)),
        section("proof", "Proof", _proof(story, now_ns)),
    ]
    return "".join(parts)


def _headline(incident: Incident, now_ns: int) -> str:
    ended = incident.closed_ns
    life = state(True, f"closed: {incident.close_reason.value if incident.close_reason else 'over'}")
    return (
        f'<h1>{text(incident.service)} <span class="note">used by {text(client_text(incident))}</span></h1>'
        f'<p class="lead">{severity_badge(incident.severity)} '
        f"{life if ended is not None else '<b>open</b>'} · {counted(incident.detections, 'detection')} from "
        f"{moment(incident.first_ns, now_ns)} to {moment(incident.last_ns, now_ns)}. "
        "Times are in <span data-zone>UTC</span>.</p>"
    )


def _who(incident: Incident) -> Iterator[tuple[str, str]]:
    if incident.client_name:
        yield "Name", f"<b>{text(incident.client_name)}</b>"
    yield "Known", _NAMED_BY[incident.client_name_source]
    addresses = incident.client_addresses or (incident.client,)
    more = f" and {incident.client_addresses_more} more" if incident.client_addresses_more else ""
    yield "Addresses", " ".join(f"<code>{text(each)}</code>" for each in addresses) + more
    if incident.client_mac:
        yield "Hardware address", f"<code>{text(incident.client_mac)}</code>"
    if incident.client_groups:
        yield "Groups", text(", ".join(incident.client_groups))
    if role := role_text(incident):
        yield "Note", text(role)
    if incident.interfaces:
        yield "Seen on", text(", ".join(incident.interfaces))


def _what(incident: Incident) -> Iterator[tuple[str, str]]:
    kind = f"{CLASSES[incident.service_class]}, {incident.category.value.replace('-', ' ')}"
    yield "Service", f"<b>{text(incident.service)}</b> by {text(incident.vendor)} ({kind})"
    yield "Signature", f"<code>{text(incident.signature)}</code>"
    yield "Decision here", decision(incident)
    yield "Strongest sign", seen_words(incident)
    yield "Seen", f"{counted(incident.connections, 'connection')}, {counted(incident.lookups, 'look-up')}"
    yield "Volume", text(volume_text(incident) or "not measured")
    names = " ".join(f"<code>{text(host)}</code>" for host in incident.hosts) or "none"
    yield (
        "Names",
        names + (f" and {counted(incident.hosts_more, 'detection')} with others" if incident.hosts_more else ""),
    )
    if incident.community_id:
        yield "Community ID", f"<code>{text(incident.community_id)}</code>"
    if incident.alternatives:
        yield "Instead", text(", ".join(incident.alternatives))


def _servers(incident: Incident) -> str:
    if not incident.servers:
        return ""
    caption = "Servers, the newest first"
    if incident.servers_more:
        caption += f"; {incident.servers_more:,} older ones are not listed"
    return table(caption, ("Address", "Port", "Name", "Hosted in"), map(_server, reversed(incident.servers)))


def _server(server: Server) -> tuple[str, ...]:
    name = f"<code>{text(server.host)}</code>" if server.host else "none"
    return f"<code>{text(server.ip)}</code>", str(server.port), name, hosting_cell(server.hosting, None)


def _law(incident: Incident) -> str:
    answer = operator_cell(incident.operator)
    return f'<p class="answer">{answer}</p>{chain(incident.jurisdiction_chain, About.OPERATOR)}'


def _where(incident: Incident) -> str:
    answer = hosting_cell(incident.hosting, incident.region)
    return f'<p class="answer">{answer}</p>{chain(incident.jurisdiction_chain, About.HOSTING)}'


def _why(incident: Incident) -> str:
    reasons = "".join(f"<li>{text(reason)}</li>" for reason in incident.reasons)
    parts = [(text(part.name), f"{part.points:+d}", text(part.why)) for part in incident.score_parts]
    score = (
        table(f"Score {incident.score} of 100", ("Part", "Points", "Why"), parts)
        if parts
        else (f"<p>Score {incident.score} of 100.</p>")
    )
    links = "".join(f"<li>{_reference(each)}</li>" for each in incident.references)
    sources = f"<h3>Sources</h3><ul>{links}</ul>" if links else ""
    return f"<ul>{reasons}</ul>{score}{sources}"


def _reference(place: str) -> str:
    if place.startswith("https://") and place.isascii() and place.isprintable():
        return f'<a href="{text(place)}" rel="noopener noreferrer external">{text(place)}</a>'
    return text(place)


def _timeline(story: Story, now_ns: int) -> str:
    if not story.told:
        return "<p>Nothing was said of it yet.</p>"
    columns = ("When", "What", "Severity", "Outputs")
    caption = "Alerts, the oldest first. Delivered, unless the counts of that output show drops"
    return table(caption, columns, (_told(told, now_ns) for told in story.told))


def _told(told: Told, now_ns: int) -> tuple[str, ...]:
    alert = told.alert
    before = f" (was {alert.previous_severity.value})" if alert.previous_severity else ""
    outputs = "<br>".join(_delivered(name, standing) for name, standing in told.deliveries.items())
    return (
        moment(alert.time_ns, now_ns),
        f"{alert.action.value}{before}",
        severity_badge(alert.severity),
        outputs or "no output wants it",
    )


def _delivered(name: str, standing: Delivered) -> str:
    words = _STATES[standing.state] + (f": {text(standing.detail)}" if standing.detail else "")
    if standing.state is DeliveryState.WAITING:
        return f"{text(name)} <b>{words}</b>"
    return f"{text(name)} {state(standing.state is DeliveryState.DONE, words)}"


def _proof(story: Story, now_ns: int) -> str:
    record = story.record
    if record is None:
        return "<p>No message is kept: none was seen whole, or evidence is off, or it has expired.</p>"
    where = f"/api/v1/incidents/{text(story.incident.id)}/evidence"
    links = (
        f'<p><a class="button" href="{where}.pcapng" download>Packets (pcapng)</a> '
        f'<a class="button" href="{where}" download="{text(story.incident.id)}.json">Record and packets (JSON)</a></p>'
    )
    return links + definitions(_record(record, now_ns)) + _observations(record.get("observations", ()))


def _record(record: Mapping[str, Any], now_ns: int) -> Iterator[tuple[str, str]]:
    capture = record.get("capture", {})
    yield "Packets' SHA-256", f"<code>{text(capture.get('sha256', 'unknown'))}</code>"
    yield "Catalogue", text(record.get("catalog_version", "unknown"))
    yield "Databases", text(", ".join(map(str, record.get("databases", ()))) or "none")
    try:
        left_ns = parse_rfc3339(record["expires"]) - now_ns
        yield "Expires", f"{text(str(record['expires'])[:10])}, in {max(0, left_ns // 86_400_000_000_000)} days"
    except (KeyError, ValueError, TypeError):
        pass
    yield "Check it", f"<code>egret evidence verify {text(record.get('incident', ''))}</code>"


def _observations(seen: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            text(str(each.get("time", ""))[:19].replace("T", " ")),
            f"{text(each.get('protocol') or '')} {text(each.get('kind') or '')}",
            f"<code>{text(each.get('name') or '')}</code>",
            text(each.get("proves", "")),
        )
        for each in seen
    ]
    caption = "What the packets show, in UTC; cookies, keys, paths and bodies were never kept"
    return table(caption, _SEEN, rows) if rows else ""


_SEEN = ("Time", "Message", "Name", "Proves")
