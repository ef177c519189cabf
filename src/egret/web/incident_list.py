"""The list of incidents: a form to choose from them, a table, and the way to the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from egret.alerts.model import Incident
from egret.model import ServiceClass, Severity
from egret.web.html import choice, moment, section, table, text
from egret.web.status import Facts, IncidentPage, IncidentState
from egret.web.words import (
    CLASSES,
    client_cell,
    decision,
    hosting_cell,
    operator_cell,
    seen_words,
    severity_badge,
    volume_words,
)

PAGE_INCIDENTS = 100  # on one page
_SHOWN_HOSTS = 5
_ANY = "any"
_STATES = {
    IncidentState.OPEN.value: "open",
    IncidentState.CLOSED.value: "closed",
    IncidentState.ALL.value: "open and closed",
}
_SEVERITIES = {"": _ANY} | {
    severity.value: severity.value if severity is Severity.CRITICAL else f"{severity.value} or graver"
    for severity in reversed(Severity)
}
_CLASSES = {"": _ANY} | {each.value: CLASSES[each] for each in ServiceClass}
PARAMETERS = ("q", "state", "severity", "class", "vendor", "group", "client")  # of the list, in page and API


class Asked(NamedTuple):
    """What a reader asked for, as they wrote it."""

    query: Mapping[str, str]  # of PARAMETERS: those that were given
    offset: int = 0
    problem: str = ""  # why it could not be used

    def given(self, name: str) -> str:
        """What was written for *name*."""
        return self.query.get(name, "")

    @property
    def narrowed(self) -> bool:
        """Whether some incidents are left out."""
        return any(self.given(name) for name in PARAMETERS if name != "state")

    def link(self, offset: int) -> str:
        """The address of the same with another *offset*, as text."""
        pairs = [(name, self.given(name)) for name in PARAMETERS if self.given(name)]
        pairs += [("offset", str(offset))] if offset else []
        return text(f"/?{urlencode(pairs)}") if pairs else "/"


def incident_list(facts: Facts, page: IncidentPage, asked: Asked) -> str:
    """The whole section."""
    body = _table(facts, page, asked) if page.incidents else _nothing(asked)
    return section("incidents", "Incidents", _form(facts, asked) + _found(page, asked) + body + _others(page, asked))


def _form(facts: Facts, asked: Asked) -> str:
    vendors, groups = (_with(facts.vendors, asked.given("vendor")), _with(facts.groups, asked.given("group")))
    fields = [
        choice("severity", "Severity", _SEVERITIES, asked.given("severity")),
        choice("class", "Class", _CLASSES, asked.given("class")),
        choice("vendor", "Vendor", vendors, asked.given("vendor")),
        *([choice("group", "Client group", groups, asked.given("group"))] if len(groups) > 1 else []),
    ]
    fields.append(
        '<p><label for="client">Client</label><input id="client" name="client" maxlength="200" autocomplete="off" '
        f'autocapitalize="none" spellcheck="false" placeholder="address" value="{text(asked.given("client"))}"></p>'
    )
    opened = " open" if any(asked.given(name) for name in ("severity", "class", "vendor", "group", "client")) else ""
    problem = f'<p class="problem" role="alert">{text(asked.problem)}</p>' if asked.problem else ""
    return (
        f'{problem}<form class="filter" role="search" method="get" action="/" data-own>'
        '<p class="wide"><label for="q">Search</label><input type="search" id="q" name="q" maxlength="200" '
        'autocomplete="off" autocapitalize="none" spellcheck="false" '
        f'placeholder="client, service, host name, server" value="{text(asked.given("q"))}"></p>'
        f"{choice('state', 'State', _STATES, asked.given('state') or IncidentState.OPEN.value)}"
        f'<details{opened}><summary>Filters</summary><div class="fields">{"".join(fields)}</div></details>'
        '<p class="buttons"><button>Show</button></p></form>'
    )


def _with(known: Iterable[str], given: str) -> dict[str, str]:
    """What a field offers: any, what is known, and what was asked for though it is not known."""
    return {"": _ANY} | {name: name for name in (*known, given) if name}


def _found(page: IncidentPage, asked: Asked) -> str:
    """How many, and of what."""
    kind = "" if asked.given("state") == IncidentState.ALL.value else (asked.given("state") or "open") + " "
    words = f"{page.total:,} {text(kind)}incident{'' if page.total == 1 else 's'}"
    if asked.narrowed:
        words += f'{" matches" if page.total == 1 else " match"}. <a href="/">Show all that are open</a>'
    return f'<p class="found">{words}</p>'


def _nothing(asked: Asked) -> str:
    if asked.problem:
        return ""
    if asked.narrowed:
        return '<p class="empty">Nothing matches. Fewer words or filters find more.</p>'
    if asked.given("state") in {IncidentState.CLOSED.value, IncidentState.ALL.value}:
        return '<p class="empty">None is kept yet.</p>'
    return (
        '<p class="empty"><b>No incident is open.</b> What that is worth is said under '
        '<a href="#coverage">Coverage</a> and <a href="#loss">Loss</a>.</p>'
    )


def _table(facts: Facts, page: IncidentPage, asked: Asked) -> str:
    columns = ("Severity", "Client", "Service", "Operator", "Hosted in", "Seen", "Last", "Count")
    rows = (_row(incident, facts.now_ns) for incident in page.incidents)
    keys = [incident.id for incident in page.incidents]
    first, last = asked.offset + 1, asked.offset + len(page.incidents)
    which = f"Incidents {first:,} to {last:,} of {page.total:,}. " if page.total > len(page.incidents) else ""
    caption = f"{which}The one seen last is the first. Times are in <span data-zone>UTC</span>."
    return table(caption, columns, rows, keys)


def _row(incident: Incident, now_ns: int) -> tuple[str, ...]:
    return (
        f'{severity_badge(incident.severity)}<br><span class="note">score {incident.score}</span>',
        client_cell(incident),
        _service(incident),
        operator_cell(incident.operator),
        hosting_cell(incident.hosting, incident.region),
        _seen(incident),
        moment(incident.last_ns, now_ns),
        _count(incident),
    )


def _service(incident: Incident) -> str:
    """What it is, the way to all about it, and what was decided."""
    closed = "" if incident.closed_ns is None else '<br><span class="note">closed</span>'
    return (
        f'<a href="/incidents/{text(incident.id)}"><b>{text(incident.service)}</b></a><br>{text(incident.vendor)} · '
        f'{CLASSES[incident.service_class]}<br><span class="note">{decision(incident)}</span>{closed}'
    )


def _count(incident: Incident) -> str:
    """How often, and how many bytes where they were measured."""
    volume = volume_words(incident)
    if volume is None:
        return f"{incident.detections:,}"
    return f'{incident.detections:,}<br><span class="note volume">{volume[0]} sent<br>{volume[1]} received</span>'


def _seen(incident: Incident) -> str:
    """The names, and why: the reasons fold away."""
    hosts = "<br>".join(f"<code>{text(host)}</code>" for host in incident.hosts[:_SHOWN_HOSTS])
    more = max(0, len(incident.hosts) - _SHOWN_HOSTS)
    said = [*incident.reasons]
    if incident.alternatives:
        said.append(f"Instead: {', '.join(incident.alternatives)}")
    reasons = "".join(f"<li>{text(reason)}</li>" for reason in said)
    why = f'<details data-key="why"><summary>why</summary><ul>{reasons}</ul></details>' if reasons else ""
    return f"{seen_words(incident)}<br>{hosts}{f'<br>and {more} more names' if more else ''}{why}"


def _others(page: IncidentPage, asked: Asked) -> str:
    """The ways to the incidents before and after these."""
    ways = []
    if asked.offset:
        ways.append(f'<a rel="prev" href="{asked.link(max(0, asked.offset - PAGE_INCIDENTS))}">Later ones</a>')
    if page.incidents and asked.offset + len(page.incidents) < page.total:
        ways.append(f'<a rel="next" href="{asked.link(asked.offset + len(page.incidents))}">Earlier ones</a>')
    return f'<nav class="others" aria-label="More incidents">{" ".join(ways)}</nav>' if ways else ""
