from __future__ import annotations

import asyncio
from dataclasses import replace
from html.parser import HTMLParser

from egret.telemetry import Telemetry
from egret.web.incident_list import Asked
from egret.web.page import status_page, story_page
from egret.web.status import IncidentState
from tests.support.webview import HOSTILE, NOW_NS, View, facts, incident, telemetry

VOID = {"meta", "link", "br", "img", "input"}


class Outline(HTMLParser):
    """Checks that every element is closed in order, and keeps tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page(view: View | None = None, total: int | None = None, *, stop: bool = False) -> str:
    view = view or View()
    listed = asyncio.run(view.incidents(IncidentState.OPEN, limit=200))
    shown = replace(listed, total=listed.total if total is None else total)
    return status_page(view, shown, Asked({}), stop=stop)


def outline(html: str) -> Outline:
    parser = Outline()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def test_it_is_well_formed_and_asks_nothing_of_other_hosts() -> None:
    tags = outline(page()).tags
    assert [attributes for tag, attributes in tags if tag == "script"] == [{"src": "/live.js", "defer": None}]
    assert not [tag for tag, _ in tags if tag in {"iframe", "style", "object"}]
    wanted = {"a": "href", "link": "href", "img": "src", "form": "action"}
    links = [attributes.get(wanted[tag]) for tag, attributes in tags if tag in wanted]
    assert all(link and link.startswith(("/", "#")) for link in links)
    assert not [
        attributes for _, attributes in tags if "style" in attributes or any(k.startswith("on") for k in attributes)
    ]


def test_every_field_has_a_label_and_every_part_can_be_gone_to() -> None:
    tags = outline(page()).tags
    names = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(names) == len(set(names))
    fields = {attributes["id"] for tag, attributes in tags if tag in {"input", "select"}}
    assert fields == {attributes["for"] for tag, attributes in tags if tag == "label"}
    targets = {(attributes.get("href") or "")[1:] for tag, attributes in tags if tag == "a"}
    assert {each for each in targets if each in set(names)} >= {"main", "incidents", "coverage", "loss", "outputs"}


def test_text_from_outside_stays_text() -> None:
    html = page()
    assert HOSTILE not in html
    assert html.count("<script") == html.count('<script src="/live.js" defer></script>') == 1
    assert "\x1b" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m&amp;&quot;&#x27;.qwen.ai" in html


def test_hostile_text_everywhere_an_incident_has_text() -> None:
    evil = incident(
        client=HOSTILE, service=HOSTILE, vendor=HOSTILE, region=HOSTILE, reasons=(HOSTILE,), hosts=(HOSTILE,)
    )
    html = page(View(listed=[evil], now=replace(facts(), why_here=HOSTILE, store_path=HOSTILE, version=HOSTILE)))
    assert html.count("<script") == html.count('<script src="/live.js" defer></script>') == 1
    outline(html)


def test_tables_can_be_read_aloud() -> None:
    tags = outline(page()).tags
    tables = sum(tag == "table" for tag, _ in tags)
    assert sum(tag == "caption" for tag, _ in tags) == tables > 3
    assert all(attributes.get("scope") in {"col", "row"} for tag, attributes in tags if tag == "th")
    headings = {attributes["id"] for tag, attributes in tags if tag == "h2"}
    assert headings == {attributes["aria-labelledby"] for tag, attributes in tags if tag == "section"}


def test_it_says_what_is_watched_known_and_lost() -> None:
    text = outline(page()).text
    for said in (
        "not ready",
        "wg0 is down",
        "this host forwards; lan0 and wg0 face the inside",
        "192.0.2.0/24, 2001:db8:1::/48",
        "2026.11.20: 143 signatures, last reviewed 2026-11-18",
        "IP data by Example, CC BY 4.0",
        "20 days old",
        "97.5% of 5,245 outbound connections have a name.",
        "mid_flow",
        "nothing lost",
        "Few look-ups for the connections seen",
        "look-up only, no connection seen",
        "contested (SG)",
        "and 3 more names",
        "cloud platform",
        "Instead: Claude",
        "reception-laptop",
        "front desk",
        "score 80",
        "tolerated by IT",
        "unreviewed",
        "1.2 MB sent",
        "1 of 2",
    ):
        assert said in text


def test_trouble_is_said() -> None:
    made = telemetry()
    made.link("lan0", received=0, dropped=9, up=True)
    stale = replace(facts().databases[0], built_s=0.0)
    now = replace(facts(), store_error="disk full", databases=(stale,), catalog_last_reviewed="")
    text = outline(page(View(telemetry=made, now=now))).text
    for said in ("packets were lost", "The incident store fails: disk full", "failing", "no review date"):
        assert said in text


def test_an_empty_start() -> None:
    empty = replace(facts(), links=(), databases=(), sinks=(), inside=())
    view = View(telemetry=Telemetry("0.1.0"), now=empty, listed=[])
    text = outline(page(view)).text
    for said in (
        "No incident is open",
        "No outbound connection seen yet",
        "No output is switched on",
        "no database",
        "any address",
    ):
        assert said in text


def test_without_scripts_it_loads_itself_again_unless_that_is_not_wanted() -> None:
    assert "Loads again every 15 s" in outline(page()).text
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in page()
    assert "Does not load again" in outline(page(stop=True)).text
    assert 'http-equiv="refresh"' not in page(stop=True)


def test_who_is_logged_in_can_leave() -> None:
    assert "logout" not in page()
    view = View()
    shown = asyncio.run(view.incidents(IncidentState.OPEN, limit=1))
    html = status_page(view, shown, Asked({}), visitor="alice")
    assert '<form class="logout" method="post" action="/logout"><span>alice</span>' in html


def test_the_page_of_an_incident() -> None:
    view = View()
    story = asyncio.run(view.story("incident-1"))
    assert story is not None
    html = story_page(view, story)
    outline(html)
    assert "<title>Qwen Chat: Egret</title>" in html
    assert 'href="#proof"' in html


def test_times_out_of_range_are_shown_anyway() -> None:
    outline(page(View(listed=[incident(first_ns=-1, last_ns=1 << 63)])))


def test_pages_are_made_for_now() -> None:
    assert facts().now_ns == NOW_NS
    assert asyncio.run(View().incidents(IncidentState.CLOSED, limit=1)).total == 0
