"""The pieces of HTML that the pages are made of.

Everything from outside goes through ``text``: control characters made visible, HTML escaped. Times are written in UTC,
and ``live.js`` turns them into the reader's zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from egret.names import printable

_NS = 1_000_000_000
DAY_S = 86_400.0
_SLIM = 2  # columns that a phone has room for side by side
_SINCE = re.compile(r'<span class="ago">[^<]*</span>')


def text(value: object) -> str:
    """*value* as text, whatever is in it."""
    return escape(printable(str(value)))


def moment(time_ns: int, now_ns: int) -> str:
    """A time and how long ago it was."""
    seconds = min(max(time_ns // _NS, 0), 253_402_300_799)
    when = datetime.fromtimestamp(seconds, UTC)
    words = f"{when:%Y-%m-%d %H:%M:%S}"
    return (
        f'<time datetime="{when:%Y-%m-%dT%H:%M:%SZ}" title="{words} UTC">{words}</time> '
        f'<span class="ago">{span((now_ns - time_ns) / _NS)} ago</span>'
    )


def timeless(page: str) -> str:
    """*page* without what changes by itself: two that are equal tell the same."""
    return _SINCE.sub("", page)


def counted(number: int, noun: str) -> str:
    """As in "1 look-up", "1,234 look-ups"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def span(seconds: float) -> str:
    """A length of time in its largest unit."""
    seconds = max(0.0, seconds)
    for unit, size in (("d", DAY_S), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def document(title: str, body: str, head: str = "") -> str:
    """A whole page; *title* is text already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<title>{title}</title><link rel="icon" href="/icon.svg"><link rel="stylesheet" href="/style.css">{head}'
        f"</head><body>{body}</body></html>\n"
    )


def section(slug: str, title: str, body: str, note: str = "") -> str:
    """A part of the page under a heading; *note* is HTML beside it."""
    return f'<section aria-labelledby="{slug}"><h2 id="{slug}">{title}</h2>{note}{body}</section>'


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], keys: Sequence[str] = ()) -> str:
    """Cells are HTML already; the first of each row names it. *keys* tell rows apart when the page is made anew."""
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "".join(_row(columns, row, keys[number] if keys else "") for number, row in enumerate(rows))
    slim = ' class="slim"' if len(columns) <= _SLIM else ""
    return f"<table{slim}><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(columns: Sequence[str], row: Sequence[str], key: str) -> str:
    first = f'<th scope="row" data-label="{columns[0]}"><div>{row[0]}</div></th>'
    rest = (
        f'<td data-label="{column}"><div>{cell}</div></td>' for column, cell in zip(columns[1:], row[1:], strict=True)
    )
    mark = f' data-key="{text(key)}"' if key else ""
    return f"<tr{mark}>{first}{''.join(rest)}</tr>"


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Pairs of a term and what is said of it, which is HTML already."""
    return "<dl>" + "".join(f"<div><dt>{term}</dt><dd>{body}</dd></div>" for term, body in pairs) + "</dl>"


def state(good: bool, words: str) -> str:
    """A state in words; colour and mark only repeat them."""
    mark = "\u2713" if good else "!"
    return f'<span class="state {"good" if good else "bad"}"><span aria-hidden="true">{mark}</span> {words}</span>'


def choice(name: str, label: str, options: Mapping[str, str], chosen: str) -> str:
    """A field of a form that offers *options*: value, words."""
    items = "".join(
        f'<option value="{text(value)}"{" selected" if value == chosen else ""}>{text(words)}</option>'
        for value, words in options.items()
    )
    return f'<p><label for="{name}">{label}</label><select id="{name}" name="{name}">{items}</select></p>'
