from __future__ import annotations

import pytest

from egret.web.incident_list import Asked, incident_list
from egret.web.status import IncidentPage
from tests.support.webview import HOSTILE, facts, incident, incidents


def shown(asked: Asked, listed: list[object] | None = None, total: int = 0) -> str:
    page = IncidentPage(incidents=listed or [], total=total)  # type: ignore[arg-type]
    return incident_list(facts(), page, asked)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "No incident is open."),
        ({"state": "closed"}, "None is kept yet."),
        ({"q": "x"}, "Nothing matches."),
        ({"state": "all", "vendor": "Baidu"}, "Nothing matches."),
    ],
)
def test_an_empty_list_says_why(query: dict[str, str], words: str) -> None:
    assert words in shown(Asked(query))


def test_the_form_keeps_what_was_asked_for() -> None:
    said = shown(Asked({"q": HOSTILE, "severity": "high", "vendor": "Unknown & Co", "group": "front desk"}))
    assert '<option value="high" selected>high or graver</option>' in said
    assert '<option value="Unknown &amp; Co" selected>' in said
    assert '<option value="front desk" selected>' in said
    assert "<script" not in said
    assert "<details open>" in said
    assert "<details open>" not in shown(Asked({"q": "x", "state": "all"}))


def test_what_cannot_be_used_is_said_and_nothing_else() -> None:
    said = shown(Asked({"client": "x"}, problem=f"client must be {HOSTILE}"))
    assert 'role="alert">client must be &lt;script' in said
    assert "Nothing matches" not in said


def test_how_many_of_which() -> None:
    assert "1 open incident<" in shown(Asked({}), [incident()], 1)
    assert "3 closed incidents match." in shown(Asked({"state": "closed", "q": "x"}), list(incidents()), 3)
    assert "5 incidents<" in shown(Asked({"state": "all"}), list(incidents()), 5)
    assert "Incidents 11 to 13 of 20." in shown(Asked({}, offset=10), list(incidents()), 20)


def test_the_ways_on_keep_the_filter() -> None:
    said = shown(Asked({"q": "a b", "state": "all"}, offset=3), list(incidents()), 20)
    assert 'rel="prev" href="/?q=a+b&amp;state=all"' in said
    assert 'rel="next" href="/?q=a+b&amp;state=all&amp;offset=6"' in said
    assert Asked({}).link(0) == "/"


def test_each_incident_has_its_page_and_its_why() -> None:
    said = shown(Asked({}), list(incidents()), 3)
    assert '<a href="/incidents/incident-1"><b>Qwen Chat</b></a>' in said
    assert "<summary>why</summary>" in said
    assert "and 3 more names" in said
    assert "closed</span>" in shown(Asked({"state": "closed"}), [incident(closed_ns=1)], 1)
