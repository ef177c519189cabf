"""What stands around every page: the way past it, the head, the foot, and where ``live.js`` says what is new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from egret.web.guard import LOGOUT
from egret.web.html import document, text

REFRESH_S = 15  # for who has no scripts
_OUT = f'<form class="logout" method="post" action="{LOGOUT}"><span>{{name}}</span> <button>Log out</button></form>'
_KEYS = (
    ("/", "to the search"),
    ("Esc", "in the search: empties it"),
    ("Tab", "through links and fields; the first one leads past the head"),
)


class Around(NamedTuple):
    """What is said around a page."""

    state: str  # of the sensor, as HTML
    version: str  # of Egret
    visitor: str | None = None  # who is logged in, if anybody
    stop: bool = False  # whether the page stays as it is where there are no scripts


def framed(title: str, main: str, sections: Sequence[tuple[str, str]], around: Around) -> str:
    """A page that keeps itself up to date.

    Args:
        title: of the window.
        main: HTML.
        sections: slug and name of the parts to go to; of another page where the slug is a path.
        around: what else there is to say.
    """
    # without scripts the page loads itself again, unless that disturbs who reads with a screen reader
    refresh = "" if around.stop else f'<noscript><meta http-equiv="refresh" content="{REFRESH_S}"></noscript>'
    head = f'<script src="/live.js" defer></script>{refresh}'
    body = (
        f'<a class="skip" href="#main">Skip to the content</a>{_top(around, sections)}'
        f'<main id="main" tabindex="-1">{main}</main>{_foot(around)}'
        '<p id="announce" class="unseen" role="status" aria-live="polite" data-own></p>'
    )
    return document(title, body, head)


def _top(around: Around, sections: Sequence[tuple[str, str]]) -> str:
    items = "".join(
        f'<li><a href="{slug if slug.startswith("/") else f"#{slug}"}">{name}</a></li>' for slug, name in sections
    )
    out = "" if around.visitor is None else _OUT.format(name=text(around.visitor))
    return (
        '<header><p class="brand"><a href="/"><img src="/icon.svg" alt="" width="28" height="28"> Egret</a></p>'
        f'{around.state}<div class="live" data-own hidden><span id="live-state"></span> '
        f'<button type="button" id="live-button">Pause</button></div>{out}'
        f'<nav aria-label="Parts of the page"><ul>{items}</ul></nav></header>'
    )


def _foot(around: Around) -> str:
    keys = "".join(f"<div><dt><kbd>{key}</kbd></dt><dd>{does}</dd></div>" for key, does in _KEYS)
    link = '<a href="/">start</a>' if around.stop else '<a href="/?refresh=off">stop</a>'
    words = "Does not load again by itself" if around.stop else f"Loads again every {REFRESH_S} s"
    return (
        f'<footer><details class="keys" data-own hidden><summary>Keyboard</summary><dl>{keys}</dl>'
        '<p><input type="checkbox" id="slash" checked> <label for="slash">The key <kbd>/</kbd> goes to the search'
        f"</label></p></details><noscript><p>{words} ({link}).</p></noscript>"
        '<p><a href="/metrics">Metrics</a> · <a href="/api/v1/status">Status as JSON</a> · '
        '<a href="/api/v1/incidents">Incidents as JSON</a> · <a href="/api/v1/openapi.json">API</a> · '
        f"Egret {text(around.version)}</p><p>Connections that match no signature are only counted. "
        "Who looks at clients here is written down.</p></footer>"
    )
