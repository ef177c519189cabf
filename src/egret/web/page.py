"""The status page: one HTML document without scripts, made anew for each request.

Everything from outside goes through ``_text``: control characters made visible, HTML escaped. Tables keep their
headers and captions for screen readers; on a phone each row becomes a card, labelled from ``data-label``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from egret.alerts.model import Evidence, Incident
from egret.model import Hosting, NamedBy, Operator, ServiceClass, Severity
from egret.names import printable
from egret.telemetry.table import DropStage, Outcome
from egret.web.status import (
    Coverage,
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
_NS = 1_000_000_000
_DAY_S = 86_400.0
_STALE_DAYS = 180  # a catalogue or database older than this is shown as a warning
_SHOWN_HOSTS = 5

_NAMED_BY = {
    NamedBy.HELLO: "by a TLS or QUIC hello",
    NamedBy.HTTP: "by an HTTP request",
    NamedBy.SOCKS: "by a SOCKS request",
    NamedBy.ANSWER: "by an earlier DNS answer",
    NamedBy.NOTHING: "by nothing",
}
_CLASSES = {
    ServiceClass.AI: "AI service",
    ServiceClass.EMBEDDED: "AI built in",
    ServiceClass.CLOUD: "cloud platform",
    ServiceClass.BROAD: "other service",
    ServiceClass.RESOLVER: "encrypted resolver",
}
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
        _coverage(coverage(telemetry)),
        _loss(loss(telemetry)),
        _outputs(facts, {sink.name: deliveries(telemetry, sink.name) for sink in facts.sinks}),
        _knowledge(facts),
        _footer(facts, refresh=refresh),
    ]
    reload = f'<meta http-equiv="refresh" content="{REFRESH_S}">' if refresh else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'{reload}<title>Egret: {page.total} open</title><link rel="icon" href="/icon.svg">'
        f'<link rel="stylesheet" href="/style.css"></head><body>{"".join(sections)}</body></html>\n'
    )


def _text(value: object) -> str:
    return escape(printable(str(value)))


def _moment(time_ns: int, now_ns: int) -> str:
    """A time and how long ago it was."""
    seconds = min(max(time_ns // _NS, 0), 253_402_300_799)
    moment = datetime.fromtimestamp(seconds, UTC)
    return (
        f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%Y-%m-%d %H:%M:%S}</time> '
        f'<span class="ago">{_span((now_ns - time_ns) / _NS)} ago</span>'
    )


def _span(seconds: float) -> str:
    """A length of time in its largest unit."""
    seconds = max(0.0, seconds)
    for unit, size in (("d", _DAY_S), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def _section(slug: str, title: str, body: str) -> str:
    return f'<section aria-labelledby="{slug}"><h2 id="{slug}">{title}</h2>{body}</section>'


def _table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already; the first of each row names it."""
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "".join(_row(columns, row) for row in rows)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(columns: Sequence[str], row: Sequence[str]) -> str:
    first = f'<th scope="row" data-label="{columns[0]}"><div>{row[0]}</div></th>'
    rest = (
        f'<td data-label="{column}"><div>{cell}</div></td>' for column, cell in zip(columns[1:], row[1:], strict=True)
    )
    return f"<tr>{first}{''.join(rest)}</tr>"


def _definitions(pairs: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<div><dt>{term}</dt><dd>{body}</dd></div>" for term, body in pairs) + "</dl>"


def _state(good: bool, words: str) -> str:
    """A state in words; colour only repeats them."""
    return f'<span class="state {"good" if good else "bad"}">{words}</span>'


def _header(facts: Facts, page: IncidentPage) -> str:
    ready = facts.readiness.ready
    numbers = f"{page.total} open incident{'' if page.total == 1 else 's'}"
    return (
        f"<header><h1>Egret</h1><p>{_state(ready, 'watching' if ready else 'not ready')} "
        f"{numbers} · {len(facts.links)} interface{'' if len(facts.links) == 1 else 's'} · "
        f"since {_moment(facts.started_ns, facts.now_ns)}</p></header><main>"
    )


def _notices(facts: Facts, found: Sequence[str]) -> str:
    bad = [*facts.readiness.reasons]
    if facts.store_error:
        bad.append(f"The incident store fails: {facts.store_error}. Detection goes on; history is not kept.")
    notes = [f'<li class="bad">{_text(reason)}</li>' for reason in bad] + [f"<li>{_text(hint)}</li>" for hint in found]
    return f'<ul class="notices" role="status">{"".join(notes)}</ul>' if notes else ""


def _incidents(facts: Facts, page: IncidentPage) -> str:
    if not page.incidents:
        body = "<p>No incident is open. What that is worth is said under Coverage and Loss.</p>"
        return _section("incidents", "Open incidents", body)
    columns = ("Severity", "Client", "Service", "Operator", "Hosted in", "Seen", "First", "Last", "Count")
    rows = (_incident(incident, facts.now_ns) for incident in page.incidents)
    left_out = page.total - len(page.incidents)
    more = f"<p>{left_out} more: see <code>/api/v1/incidents</code>.</p>" if left_out > 0 else ""
    return _section("incidents", "Open incidents", _table("Times are UTC", columns, rows) + more)


def _incident(incident: Incident, now_ns: int) -> tuple[str, ...]:
    return (
        _severity(incident.severity),
        f'<code class="address">{_text(incident.client)}</code>',
        f"<b>{_text(incident.service)}</b><br>{_text(incident.vendor)} · {_CLASSES[incident.service_class]}",
        _operator(incident.operator),
        _hosting(incident.hosting, incident.region),
        _seen(incident),
        _moment(incident.first_ns, now_ns),
        _moment(incident.last_ns, now_ns),
        str(incident.detections),
    )


def _severity(severity: Severity) -> str:
    return f'<span class="severity {severity.value}">{severity.value}</span>'


def _operator(operator: Operator) -> str:
    """Whose law reaches the operator: never a plain yes or no where it is contested."""
    if operator.contested:
        return f"contested ({_text(operator.country or 'unknown')})"
    return f"{_text(operator.country or 'unknown')}"


def _hosting(hosting: Hosting, region: str | None) -> str:
    lines = [_text(hosting.country or "unknown")]
    if hosting.asn is not None:
        lines.append(f"AS{hosting.asn} {_text(hosting.as_org or '')}")
    if region:
        lines.append(f"host name says {_text(region)}")
    return "<br>".join(lines)


def _seen(incident: Incident) -> str:
    """The names, and why: the reasons fold away."""
    hosts = "<br>".join(f"<code>{_text(host)}</code>" for host in incident.hosts[:_SHOWN_HOSTS])
    more = max(0, len(incident.hosts) - _SHOWN_HOSTS)
    words = "look-up only, no connection seen" if incident.evidence is Evidence.LOOKUP else "connection"
    said = [*incident.reasons]
    if incident.alternatives:
        said.append(f"Instead: {', '.join(incident.alternatives)}")
    reasons = "".join(f"<li>{_text(reason)}</li>" for reason in said)
    why = f"<details><summary>why</summary><ul>{reasons}</ul></details>" if reasons else ""
    return f"{words}<br>{hosts}{f'<br>and {more} more names' if more else ''}{why}"


def _watching(facts: Facts) -> str:
    rows = [
        (f"<code>{_text(link.interface)}</code>", _state(link.up, "up" if link.up else "down")) for link in facts.links
    ]
    table = _table("Interfaces", ("Interface", "Link"), rows)
    pairs = [("Why here", _text(facts.why_here)), ("Clients", _text(", ".join(facts.inside) or "any address"))]
    return _section("watching", "Watching", _definitions(pairs) + table)


def _coverage(covered: Coverage) -> str:
    if covered.share is None:
        return _section("coverage", "Coverage", "<p>No outbound connection seen yet.</p>")
    words = f"<p>{covered.share:.1%} of {covered.connections:,} outbound connections have a name.</p>"
    rows = [(_NAMED_BY[by], f"{number:,}") for by, number in covered.by_name.items()]
    reasons = [(f"<code>{why.value}</code>", f"{number:,}") for why, number in covered.nameless.items() if number]
    nameless = _table("Nameless, by reason", ("Reason", "Connections"), reasons) if reasons else ""
    named = _table("Connections, by what named them", ("Named", "Connections"), rows)
    return _section("coverage", "Coverage", f'{words}<div class="pair">{named}{nameless}</div>')


def _loss(lost: Loss) -> str:
    if not lost.any:
        body = f"<p>{_state(True, 'nothing lost')} of {lost.received:,} packets.</p>"
        return _section("loss", "Loss", body)
    rows = [(_DROPPED[stage], f"{number:,}") for stage, number in lost.dropped.items()]
    rows.append(("messages between processes", f"{lost.messages:,}"))
    words = f"<p>{_state(False, 'packets were lost')} beside {lost.received:,} received.</p>"
    return _section("loss", "Loss", words + _table("Lost", ("Where", "Number"), rows))


def _outputs(facts: Facts, counts: dict[str, dict[Outcome, int]]) -> str:
    columns = ("Output", "State", "Delivered", "Rejected", "Dropped", "Waiting")
    rows = [_output(sink, counts[sink.name]) for sink in facts.sinks]
    body = _table("Where alerts go", columns, rows) if rows else "<p>No output is switched on.</p>"
    store = _state(facts.store_error is None, "healthy" if facts.store_error is None else "failing")
    return _section("outputs", "Outputs", body + _definitions([("Store", f"{_text(facts.store_path)} {store}")]))


def _output(sink: SinkStatus, counts: dict[Outcome, int]) -> tuple[str, ...]:
    state = _state(sink.last_error is None, "healthy" if sink.last_error is None else _text(sink.last_error))
    numbers = (counts[outcome] for outcome in (Outcome.DELIVERED, Outcome.REJECTED, Outcome.DROPPED))
    return (_text(sink.name), state, *(f"{number:,}" for number in numbers), f"{sink.queue_length:,}")


def _knowledge(facts: Facts) -> str:
    """Versions and ages of what the verdicts rest on, and what the data's licences want said."""
    reviewed = facts.catalog_last_reviewed
    age = f"{facts.catalog_signatures} signatures, last reviewed {_text(reviewed)}" if reviewed else "no review date"
    pairs = [("Catalogue", f"{_text(facts.catalog_version)}: {age}")]
    for database in facts.databases:
        days = max(0.0, facts.now_ns / _NS - database.built_s) / _DAY_S
        built = datetime.fromtimestamp(database.built_s, UTC).date().isoformat()
        words = f"{built}, {int(days)} days old"
        said = f'<br><span class="attribution">{_text(database.attribution)}</span>' if database.attribution else ""
        pairs.append((f"GeoIP {_text(database.name)}", _state(days < _STALE_DAYS, words) + said))
    if not facts.databases:
        pairs.append(("GeoIP", "no database: where addresses are is not known"))
    return _section("knowledge", "Catalogue and databases", _definitions(pairs))


def _footer(facts: Facts, *, refresh: bool) -> str:
    link = '<a href="/?refresh=off">stop</a>' if refresh else '<a href="/">start</a>'
    words = f"Loads again every {REFRESH_S} s ({link})." if refresh else f"Does not load again by itself ({link})."
    return (
        f"</main><footer><p>{words} <a href='/metrics'>Metrics</a>, <a href='/api/v1/status'>status as JSON</a>, "
        f"<a href='/api/v1/incidents'>incidents as JSON</a>, <a href='/api/v1/openapi.json'>API</a>. "
        f"Egret {_text(facts.version)}. Connections that match no signature are only counted.</p></footer>"
    )
