"""The status page: one HTML document that needs no script, made anew for each request.

Everything from outside goes through ``html.text``. Tables keep their headers and captions for screen readers; on a
phone each row becomes a card, labelled from ``data-label``. ``live.js`` puts what changed into place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from egret.model import Severity
from egret.telemetry.coverage import Length
from egret.telemetry.table import DropStage, Outcome
from egret.web.coverage_section import coverage_section
from egret.web.frame import Around, framed
from egret.web.html import DAY_S, counted, definitions, moment, section, state, table, text
from egret.web.incident_list import Asked, incident_list
from egret.web.incident_page import SECTIONS as STORY_SECTIONS
from egret.web.incident_page import incident_page
from egret.web.status import (
    Coverage,
    Facts,
    IncidentPage,
    Loss,
    SinkStatus,
    StatusView,
    Story,
    coverage,
    deliveries,
    hints,
    loss,
)
from egret.web.words import severity_badge

_STALE_DAYS = 180  # a catalogue or database older than this is shown as a warning
_NS = 1_000_000_000
_SECTIONS = (
    ("incidents", "Incidents"),
    ("coverage", "Coverage"),
    ("outputs", "Outputs"),
    ("loss", "Loss"),
    ("watching", "Watching"),
    ("knowledge", "Catalogue"),
)
_DROPPED = {
    DropStage.KERNEL: "by the kernel (the ring was full)",
    DropStage.QUEUE: "between processes",
    DropStage.PARSER: "by the parser under load",
}


def status_page(
    view: StatusView, page: IncidentPage, asked: Asked, *, visitor: str | None = None, stop: bool = False
) -> str:
    """The whole page.

    Args:
        view: where the numbers come from.
        page: the incidents to show.
        asked: what they are.
        visitor: who is logged in, if anybody.
        stop: whether the page stays as it is where there are no scripts.
    """
    facts, telemetry = view.facts(), view.telemetry
    covered, lost = coverage(telemetry), loss(telemetry)
    opened = {each: int(telemetry.total("egret_incidents_open", severity=each.value)) for each in Severity}
    parts = [
        '<h1 class="unseen">Egret: status</h1>',
        _notices(facts, hints(telemetry)),
        _tiles(facts, opened, covered, lost),
        incident_list(facts, page, asked),
        coverage_section(covered, view.coverage(Length.HOUR), view.coverage(Length.MINUTE), facts.now_ns),
        _outputs(facts, {sink.name: deliveries(telemetry, sink.name) for sink in facts.sinks}),
        f'<div class="pair">{_loss(lost)}{_watching(facts)}</div>',
        _knowledge(facts),
    ]
    number = sum(opened.values())
    title = f"Egret: {number} open" if number else "Egret"
    return framed(title, "".join(parts), _SECTIONS, Around(_state(facts), facts.version, visitor, stop))


def story_page(view: StatusView, story: Story, *, visitor: str | None = None, stop: bool = False) -> str:
    """The page of one incident."""
    facts = view.facts()
    title, around = f"{text(story.incident.service)}: Egret", Around(_state(facts), facts.version, visitor, stop)
    return framed(title, incident_page(story, facts.now_ns), STORY_SECTIONS, around)


def _state(facts: Facts) -> str:
    ready = facts.readiness.ready
    words = f"watching {counted(len(facts.links), 'interface')}" if ready else "not ready"
    since = f'<span class="note">since {moment(facts.started_ns, facts.now_ns)}</span>'
    return f'<p class="sensor">{state(ready, words)} {since}</p>'


def _notices(facts: Facts, found: Sequence[str]) -> str:
    bad = [*facts.readiness.reasons]
    bad += [f"{standing.finding.text}; {standing.finding.advice}" for standing in facts.problems]
    if facts.store_error:
        bad.append(f"The incident store fails: {facts.store_error}. Detection goes on; history is not kept.")
    items = [f'<li class="bad" data-problem><b>Problem:</b> {text(reason)}</li>' for reason in bad]
    items += [f"<li><b>Note:</b> {text(hint)}</li>" for hint in found]
    return f'<ul class="notices" aria-label="Problems and notes">{"".join(items)}</ul>' if items else ""


def _tiles(facts: Facts, opened: dict[Severity, int], covered: Coverage, lost: Loss) -> str:
    """The answer in four numbers."""
    by_severity = " ".join(
        f'<span class="pair-of">{severity_badge(each)} {number}</span>'
        for each, number in reversed(opened.items())
        if number
    )
    share = "none yet" if covered.share is None else f"{covered.share:.1%}"
    gone = sum(lost.dropped.values()) + lost.messages
    failing = [sink for sink in facts.sinks if _trouble(sink) is not None]
    waiting = sum(sink.queue_length for sink in facts.sinks)
    healthy = f"{len(facts.sinks) - len(failing)} of {len(facts.sinks)}" if facts.sinks else "none"
    tiles = (
        ("incidents", "Open incidents", f"{sum(opened.values()):,}", by_severity or "all quiet", True),
        ("coverage", "Connections named", share, f"of {covered.connections:,} outbound", True),
        ("loss", "Lost", f"{gone:,}", f"beside {lost.received:,} packets", not lost.any),
        ("outputs", "Outputs healthy", healthy, f"{waiting:,} alerts wait", not failing),
    )
    items = "".join(
        f'<li class="{"good" if good else "bad"}"><a href="#{slug}">{label}</a> <strong>{number}</strong> '
        f'<span class="note">{note}</span></li>'
        for slug, label, number, note, good in tiles
    )
    return f'<ul class="tiles" aria-label="At a glance">{items}</ul>'


def _watching(facts: Facts) -> str:
    rows = [
        (f"<code>{text(link.interface)}</code>", state(link.up, "up" if link.up else "down")) for link in facts.links
    ]
    links = table("Interfaces", ("Interface", "Link"), rows) if rows else ""
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


def _trouble(sink: SinkStatus) -> str | None:
    return sink.last_error if sink.circuit == "closed" else f"circuit {sink.circuit}: {sink.last_error or 'failing'}"


def _output(sink: SinkStatus, counts: dict[Outcome, int]) -> tuple[str, ...]:
    trouble = _trouble(sink)
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
