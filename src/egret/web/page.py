"""The status page: one HTML document without scripts, made anew for each request.

Everything from outside goes through ``html.text``. Tables keep their
headers and captions for screen readers; on a phone each row becomes a card, labelled from ``data-label``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from egret.alerts.formats.client import role_text
from egret.alerts.model import Evidence, Incident
from egret.alerts.rulings import ruling_text, state_text
from egret.alerts.volume import bytes_text, volume_text
from egret.evidence import About, ChainLink
from egret.model import Hosting, Operator, ServiceClass, Severity
from egret.telemetry.coverage import Length
from egret.telemetry.table import DropStage, Outcome
from egret.web.coverage_section import coverage_section
from egret.web.html import DAY_S, definitions, document, moment, section, state, table, text
from egret.web.status import (
    Facts,
    IncidentPage,
    Loss,
    SinkStatus,
    StatusView,
    coverage,
    deliveries,
    hints,
    loss,
)

REFRESH_S = 15
_STALE_DAYS = 180  # a catalogue or database older than this is shown as a warning
_SHOWN_HOSTS = 5
_NS = 1_000_000_000

_CLASSES = {
    ServiceClass.AI: "AI service",
    ServiceClass.EMBEDDED: "AI built in",
    ServiceClass.CLOUD: "cloud platform",
    ServiceClass.BROAD: "other service",
    ServiceClass.RESOLVER: "encrypted resolver",
}
_QUESTIONS = {About.OPERATOR: "Whose law reaches the operator", About.HOSTING: "Where the bytes land"}
_DROPPED = {
    DropStage.KERNEL: "by the kernel (the ring was full)",
    DropStage.QUEUE: "between processes",
    DropStage.PARSER: "by the parser under load",
}


def status_page(view: StatusView, page: IncidentPage, *, refresh: bool) -> str:
    """The whole page.

    Args:
        view: where the numbers come from.
        page: the open incidents to show.
        refresh: whether the page loads itself again; off for who reads with a screen reader.
    """
    facts, telemetry = view.facts(), view.telemetry
    sections = [
        _header(facts, page),
        _notices(facts, hints(telemetry)),
        _incidents(facts, page),
        _watching(facts),
        coverage_section(coverage(telemetry), view.coverage(Length.HOUR), view.coverage(Length.MINUTE), facts.now_ns),
        _loss(loss(telemetry)),
        _outputs(facts, {sink.name: deliveries(telemetry, sink.name) for sink in facts.sinks}),
        _knowledge(facts),
        _footer(facts, refresh=refresh),
    ]
    reload = f'<meta http-equiv="refresh" content="{REFRESH_S}">' if refresh else ""
    return document(f"Egret: {page.total} open", "".join(sections), reload)


def _header(facts: Facts, page: IncidentPage) -> str:
    ready = facts.readiness.ready
    numbers = f"{page.total} open incident{'' if page.total == 1 else 's'}"
    return (
        f"<header><h1>Egret</h1><p>{state(ready, 'watching' if ready else 'not ready')} "
        f"{numbers} · {len(facts.links)} interface{'' if len(facts.links) == 1 else 's'} · "
        f"since {moment(facts.started_ns, facts.now_ns)}</p></header><main>"
    )


def _notices(facts: Facts, found: Sequence[str]) -> str:
    bad = [*facts.readiness.reasons]
    bad += [f"{standing.finding.text}; {standing.finding.advice}" for standing in facts.problems]
    if facts.store_error:
        bad.append(f"The incident store fails: {facts.store_error}. Detection goes on; history is not kept.")
    notes = [f'<li class="bad">{text(reason)}</li>' for reason in bad] + [f"<li>{text(hint)}</li>" for hint in found]
    return f'<ul class="notices" role="status">{"".join(notes)}</ul>' if notes else ""


def _incidents(facts: Facts, page: IncidentPage) -> str:
    if not page.incidents:
        body = "<p>No incident is open. What that is worth is said under Coverage and Loss.</p>"
        return section("incidents", "Open incidents", body)
    columns = ("Severity", "Client", "Service", "Operator", "Hosted in", "Seen", "First", "Last", "Count")
    rows = (_incident(incident, facts.now_ns) for incident in page.incidents)
    left_out = page.total - len(page.incidents)
    more = f"<p>{left_out} more: see <code>/api/v1/incidents</code>.</p>" if left_out > 0 else ""
    return section("incidents", "Open incidents", table("Times are UTC", columns, rows) + more)


def _incident(incident: Incident, now_ns: int) -> tuple[str, ...]:
    return (
        f'{_severity(incident.severity)}<br><span class="ago">score {incident.score}</span>',
        _client(incident),
        _service(incident),
        _operator(incident.operator),
        _hosting(incident.hosting, incident.region),
        _seen(incident),
        moment(incident.first_ns, now_ns),
        moment(incident.last_ns, now_ns),
        _count(incident),
    )


def _service(incident: Incident) -> str:
    """What it is, and what the operator of this network decided about it."""
    decided = (
        f'<br><span class="note">{text(ruling_text(incident.approval) or state_text(incident.approval.state))}</span>'
    )
    return f"<b>{text(incident.service)}</b><br>{text(incident.vendor)} · {_CLASSES[incident.service_class]}{decided}"


def _count(incident: Incident) -> str:
    """How often, and how many bytes where they were measured."""
    if incident.volume_source is None:
        return str(incident.detections)
    sent, received = bytes_text(incident.bytes_out or 0), bytes_text(incident.bytes_in or 0)
    return f'{incident.detections}<br><span class="ago">{sent} sent<br>{received} received</span>'


def _client(incident: Incident) -> str:
    """The name, the address, and whether it speaks for others."""
    name = f"<b>{text(incident.client_name)}</b><br>" if incident.client_name else ""
    role = role_text(incident)
    notes = [", ".join(incident.client_groups), role]
    note = "".join(f'<br><span class="note">{text(said)}</span>' for said in notes if said)
    return f'{name}<code class="address">{text(incident.client)}</code>{note}'


def _severity(severity: Severity) -> str:
    return f'<span class="severity {severity.value}">{severity.value}</span>'


def _operator(operator: Operator) -> str:
    """Whose law reaches the operator: never a plain yes or no where it is contested."""
    if operator.contested:
        return f"contested ({text(operator.country or 'unknown')})"
    return f"{text(operator.country or 'unknown')}"


def _hosting(hosting: Hosting, region: str | None) -> str:
    lines = [text(hosting.country or "unknown")]
    if hosting.asn is not None:
        lines.append(f"AS{hosting.asn} {text(hosting.as_org or '')}")
    if region:
        lines.append(f"host name says {text(region)}")
    return "<br>".join(lines)


def _seen(incident: Incident) -> str:
    """The names, and why: the reasons fold away."""
    hosts = "<br>".join(f"<code>{text(host)}</code>" for host in incident.hosts[:_SHOWN_HOSTS])
    more = max(0, len(incident.hosts) - _SHOWN_HOSTS)
    words = "look-up only, no connection seen" if incident.evidence is Evidence.LOOKUP else "connection"
    said = [*incident.reasons]
    if volume := volume_text(incident):
        said.append(f"Volume: {volume}")
    if incident.score_parts:
        parts = ", ".join(f"{part.name} {part.points:+d}" for part in incident.score_parts)
        said.append(f"Score {incident.score}: {parts}")
    if incident.alternatives:
        said.append(f"Instead: {', '.join(incident.alternatives)}")
    reasons = "".join(f"<li>{text(reason)}</li>" for reason in said)
    why = f"<details><summary>why</summary><ul>{reasons}</ul></details>" if reasons else ""
    return f"{words}<br>{hosts}{f'<br>and {more} more names' if more else ''}{why}{_chain(incident.jurisdiction_chain)}"


def _chain(links: Sequence[ChainLink]) -> str:
    """Whose law and where, each fact by itself, folded away."""
    parts = [_facts(title, [link for link in links if link.about is about]) for about, title in _QUESTIONS.items()]
    return f"<details><summary>facts and sources</summary>{''.join(parts)}</details>" if any(parts) else ""


def _facts(title: str, links: Sequence[ChainLink]) -> str:
    rows = "".join(f"<li>{_fact(link)}</li>" for link in links)
    return f'<p class="question">{title}</p><ul>{rows}</ul>' if rows else ""


def _fact(link: ChainLink) -> str:
    fact = link.fact.replace("_", " ")
    said = ", ".join(text(word) for word in (link.source, link.date) if word)
    notes = "".join(f'<br><span class="note">{note}</span>' for note in (text(link.note), said) if note)
    return f"{text(fact)}: <b>{text(link.value)}</b>{notes}"


def _watching(facts: Facts) -> str:
    rows = [
        (f"<code>{text(link.interface)}</code>", state(link.up, "up" if link.up else "down")) for link in facts.links
    ]
    links = table("Interfaces", ("Interface", "Link"), rows)
    pairs = [("Why here", text(facts.why_here)), ("Clients", text(", ".join(facts.inside) or "any address"))]
    return section("watching", "Watching", definitions(pairs) + links)


def _loss(lost: Loss) -> str:
    if not lost.any:
        body = f"<p>{state(True, 'nothing lost')} of {lost.received:,} packets.</p>"
        return section("loss", "Loss", body)
    rows = [(_DROPPED[stage], f"{number:,}") for stage, number in lost.dropped.items()]
    rows.append(("messages between processes", f"{lost.messages:,}"))
    words = f"<p>{state(False, 'packets were lost')} beside {lost.received:,} received.</p>"
    return section("loss", "Loss", words + table("Lost", ("Where", "Number"), rows))


def _outputs(facts: Facts, counts: dict[str, dict[Outcome, int]]) -> str:
    columns = ("Output", "State", "Delivered", "Rejected", "Dropped", "Waiting")
    rows = [_output(sink, counts[sink.name]) for sink in facts.sinks]
    body = table("Where alerts go", columns, rows) if rows else "<p>No output is switched on.</p>"
    store = state(facts.store_error is None, "healthy" if facts.store_error is None else "failing")
    return section("outputs", "Outputs", body + definitions([("Store", f"{text(facts.store_path)} {store}")]))


def _output(sink: SinkStatus, counts: dict[Outcome, int]) -> tuple[str, ...]:
    trouble = sink.last_error if sink.circuit == "closed" else f"circuit {sink.circuit}: {sink.last_error or 'failing'}"
    health = state(trouble is None, "healthy" if trouble is None else text(trouble))
    numbers = (counts[outcome] for outcome in (Outcome.DELIVERED, Outcome.REJECTED, Outcome.DROPPED))
    return (text(sink.name), health, *(f"{number:,}" for number in numbers), f"{sink.queue_length:,}")


def _knowledge(facts: Facts) -> str:
    """Versions and ages of what the verdicts rest on, and what the data's licences want said."""
    reviewed = facts.catalog_last_reviewed
    age = f"{facts.catalog_signatures} signatures, last reviewed {text(reviewed)}" if reviewed else "no review date"
    pairs = [("Catalogue", f"{text(facts.catalog_version)}: {age}")]
    for database in facts.databases:
        days = max(0.0, facts.now_ns / _NS - database.built_s) / DAY_S
        built = datetime.fromtimestamp(database.built_s, UTC).date().isoformat()
        words = f"{built}, {int(days)} days old"
        said = f'<br><span class="attribution">{text(database.attribution)}</span>' if database.attribution else ""
        pairs.append((f"GeoIP {text(database.name)}", state(days < _STALE_DAYS, words) + said))
    if not facts.databases:
        pairs.append(("GeoIP", "no database: where addresses are is not known"))
    return section("knowledge", "Catalogue and databases", definitions(pairs))


def _footer(facts: Facts, *, refresh: bool) -> str:
    link = '<a href="/?refresh=off">stop</a>' if refresh else '<a href="/">start</a>'
    words = f"Loads again every {REFRESH_S} s ({link})." if refresh else f"Does not load again by itself ({link})."
    return (
        f"</main><footer><p>{words} <a href='/metrics'>Metrics</a>, <a href='/api/v1/status'>status as JSON</a>, "
        f"<a href='/api/v1/incidents'>incidents as JSON</a>, <a href='/api/v1/openapi.json'>API</a>. "
        f"Egret {text(facts.version)}. Connections that match no signature are only counted.</p></footer>"
    )
