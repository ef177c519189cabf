"""The Coverage section of the status page: what a quiet page is worth, now and over the last day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from egret.model import NamedBy
from egret.telemetry.coverage import LINK_DOWN, LINK_SILENT, Interval, Length, together
from egret.telemetry.table import Ech
from egret.web.html import section, table, text
from egret.web.status import Coverage

SHOWN_HOURS = 24
_COLUMN, _GAP, _HEIGHT = 20, 3, 80  # of the chart, in its own units
_AXIS = 16

_NAMED_BY = {
    NamedBy.HELLO: "by a TLS or QUIC hello",
    NamedBy.HTTP: "by an HTTP request",
    NamedBy.SOCKS: "by a SOCKS request",
    NamedBy.ANSWER: "by an earlier DNS answer",
    NamedBy.NOTHING: "by nothing",
}
_ECH = {
    Ech.REAL_NAMED: "ECH, inner name known from a look-up",
    Ech.REAL_HIDDEN: "ECH, true name hidden",
    Ech.GREASE: "ECH GREASE, nothing hidden",
    Ech.UNKNOWN: "ECH or GREASE, look-up not seen",
}
_HIDING = (  # part of the ledger, and what is said before its label
    ("encrypted_dns", "encrypted DNS: "),
    ("prc_resolvers", "encrypted DNS in the PRC: "),
    ("httpdns", "HTTPDNS: "),
)


def coverage_section(covered: Coverage, hours: Sequence[Interval], minutes: Sequence[Interval], now_ns: int) -> str:
    """The whole section.

    Args:
        covered: since the start.
        hours: of the ledger, the oldest first.
        minutes: the same by minute.
        now_ns: when the page is made.
    """
    now_s = now_ns // 1_000_000_000
    first_s = now_s - now_s % Length.HOUR - (SHOWN_HOURS - 1) * Length.HOUR
    day = [hour for hour in hours if first_s <= hour.start_s <= now_s]
    body = [_since_start(covered), _last_minute(minutes), _chart(day, first_s), _hours(day), _hiding(day)]
    return section("coverage", "Coverage", "".join(body))


def _since_start(covered: Coverage) -> str:
    if covered.share is None:
        return "<p>No outbound connection seen yet.</p>"
    words = f"<p>{covered.share:.1%} of {covered.connections:,} outbound connections have a name.</p>"
    rows = [(_NAMED_BY[by], f"{number:,}") for by, number in covered.by_name.items()]
    reasons = [(f"<code>{why.value}</code>", f"{number:,}") for why, number in covered.nameless.items() if number]
    nameless = table("Nameless since the start, by reason", ("Reason", "Connections"), reasons) if reasons else ""
    named = table("Connections since the start, by what named them", ("Named", "Connections"), rows)
    return f'{words}<div class="pair">{named}{nameless}</div>'


def _last_minute(minutes: Sequence[Interval]) -> str:
    if not minutes:
        return ""
    last = minutes[-1]
    if last.share is None:
        return f"<p>Last minute: no outbound connection{_links(last)}.</p>"
    return f"<p>Last minute: {last.share:.1%} of {last.connections:,} outbound connections named{_links(last)}.</p>"


def _links(row: Interval) -> str:
    """What the interfaces kept from us, in words: silence is not peace."""
    said = [f"{name} down" for name in row.part(LINK_DOWN)]
    said += [f"{name} silent" for name in row.part(LINK_SILENT)]
    return f"; {text(', '.join(said))}" if said else ""


def _chart(day: Sequence[Interval], first_s: int) -> str:
    """A column an hour: the part named by hellos and requests, by answers, and by nothing; hatched: not watched."""
    by_start = {hour.start_s: hour for hour in day}
    starts = [first_s + number * Length.HOUR for number in range(SHOWN_HOURS)]
    columns = "".join(_column(number, start, by_start.get(start)) for number, start in enumerate(starts))
    width = SHOWN_HOURS * _COLUMN
    label = (
        f"Share of outbound connections with a name, by hour, last {SHOWN_HOURS} hours; the table below says the same"
    )
    legend = "".join(
        f'<li><span class="key {name}"></span>{words}</li>'
        for name, words in (
            ("named", "named by what the client sent"),
            ("answered", "by an earlier DNS answer"),
            ("nameless", "by nothing"),
            ("idle", "no connection"),
            ("unwatched", "not watched"),
            ("lost", "packets lost"),
        )
    )
    return (
        f'<figure><svg class="chart" viewBox="0 0 {width} {_HEIGHT + _AXIS}" role="img" aria-label="{label}">{columns}'
        f'</svg><figcaption><ul class="legend">{legend}</ul></figcaption></figure>'
    )


def _column(number: int, start_s: int, hour: Interval | None) -> str:
    x = number * _COLUMN
    clock = f"{datetime.fromtimestamp(start_s, UTC):%H:%M}"
    axis = f'<text class="axis" x="{x}" y="{_HEIGHT + _AXIS - 3}">{clock}</text>' if number % 6 == 0 else ""
    if hour is None:
        return f"<g><title>{clock} UTC: not watched</title>{_bar('unwatched', x, 0, _HEIGHT)}</g>{axis}"
    mark = _bar("lost", x, _HEIGHT - 4, 4) if hour.lost else ""
    if hour.share is None:
        return f"<g><title>{clock} UTC: no connection</title>{_bar('idle', x, _HEIGHT - 1, 1)}{mark}</g>{axis}"
    answered = round(_HEIGHT * hour.part("named_by").get(NamedBy.ANSWER.value, 0) / hour.connections)
    nothing = round(_HEIGHT * (1 - hour.share))
    named = max(0, _HEIGHT - nothing - answered)
    bars = (
        _bar("nameless", x, 0, nothing)
        + _bar("answered", x, nothing, answered)
        + _bar("named", x, nothing + answered, named)
    )
    title = f"{clock} UTC: {hour.share:.1%} of {hour.connections:,} named"
    return f"<g><title>{title}</title>{bars}{mark}</g>{axis}"


def _bar(kind: str, x: int, y: int, height: int) -> str:
    width = _COLUMN - _GAP
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}"/>' if height else ""


def _hours(day: Sequence[Interval]) -> str:
    if not day:
        return "<p>The first hour of the ledger begins with the first whole minute.</p>"
    columns = ("Hour (UTC)", "Watched", "Connections", "Named", "Lost", "Evicted", "Links down or silent")
    rows = table("The last day by hour, the youngest first", columns, map(_hour, reversed(day)))
    return f'<details data-key="hours"><summary>by hour</summary>{rows}</details>'


def _hour(hour: Interval) -> tuple[str, ...]:
    links = [f"{text(name)} {seconds // 60} min down" for name, seconds in hour.part(LINK_DOWN).items()]
    links += [f"{text(name)} {seconds // 60} min silent" for name, seconds in hour.part(LINK_SILENT).items()]
    return (
        f"{datetime.fromtimestamp(hour.start_s, UTC):%m-%d %H:%M}",
        f"{hour.seconds // 60} min",
        f"{hour.connections:,}",
        "none to name" if hour.share is None else f"{hour.share:.1%}",
        f"{hour.lost:,}",
        f"{sum(hour.part('evictions').values()):,}",
        ", ".join(links) or "no",
    )


def _hiding(day: Sequence[Interval]) -> str:
    """Encrypted look-ups and hellos of the day: what took names out of sight."""
    summed = together(hour.counts for hour in day)
    rows = [
        (f"{before}{text(label)}", f"{number:,}")
        for part, before in _HIDING
        for label, number in _most_first(summed.get(part, {}))
    ]
    rows += [
        (_ECH[Ech(kind)], f"{number:,}") for kind, number in _most_first(summed.get("ech", {})) if kind in set(Ech)
    ]
    if not rows:
        return "<p>No encrypted DNS, HTTPDNS or Encrypted Client Hello seen in the last day.</p>"
    return table("What hid names in the last day", ("What", "Number"), rows)


def _most_first(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(numbers.items(), key=lambda each: (-each[1], each[0]))
