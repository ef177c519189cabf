from __future__ import annotations

from typing import Any

import pytest

from egret.alerts.model import CloseReason
from egret.model import Role
from egret.web.incident_page import SECTIONS, incident_page
from egret.web.status import Story
from tests.support.webview import HOSTILE, NOW_NS, incident, incidents, told

RECORD: dict[str, Any] = {
    "incident": "incident-1",
    "catalog_version": "2026.11.20",
    "databases": ["egret-geo"],
    "expires": "2026-10-01T00:00:00Z",
    "capture": {"sha256": "ab" * 32},
    "observations": [
        {"time": "2026-09-21T12:00:00Z", "protocol": "tls", "kind": "client_hello", "name": HOSTILE, "proves": HOSTILE}
    ],
}


def page(story: Story | None = None) -> str:
    first = incidents()[0]
    return incident_page(story or Story(incident=first, told=told(first), record=RECORD), NOW_NS)


def test_who_what_why_and_proof() -> None:
    said = page()
    for words in (
        "reception-laptop",
        "front desk",
        "<b>Qwen Chat</b> by Alibaba (AI service, chat)",
        "tolerated by IT",
        "sent 1.2 MB, received 98.8 kB since detection",
        "Score 80 of 100",
        "+50",
        "an AI service",
        "operator is under PRC law (terms of service, 2026-01-02)",
        "escalated (was low)",
        "delivered",
        "refused: HTTP 400",
        "ab" * 32,
        "egret evidence verify incident-1",
        "in 9 days",
        "chat.qwen.ai",
        "203.0.113.9",
    ):
        assert words in said, words
    assert "<script" not in said


def test_every_part_that_can_be_gone_to_is_there() -> None:
    said = page()
    assert all(slug == "/" or f'id="{slug}"' in said for slug, _ in SECTIONS)
    law, where = said.index('id="law"'), said.index('id="where"')
    assert law < said.index("operator country: <b>contested</b>") < where < said.index("documented inference: <b>any")


def test_an_incident_of_which_little_is_known() -> None:
    said = page(Story(incident=incident(servers=(), hosts=(), references=("a book",), score_parts=())))
    assert "Nothing was said of it yet." in said
    assert "No message is kept" in said
    assert "not measured" in said
    assert "<li>a book</li>" in said


def test_a_closed_one_and_one_that_speaks_for_others() -> None:
    ended = incident(
        closed_ns=NOW_NS, close_reason=CloseReason.QUIET, client_role=Role.NAT, client_mac="02:00:5e:00:53:01"
    )
    said = page(Story(incident=ended))
    assert "closed: quiet" in said
    assert "speaks for others" in said
    assert "02:00:5e:00:53:01" in said


@pytest.mark.parametrize("place", ["javascript:alert(1)", "http://example.com/", "https://example.com/\n", HOSTILE])
def test_only_links_that_are_links(place: str) -> None:
    assert "rel=" not in page(Story(incident=incident(references=(place,))))


def test_a_record_that_somebody_spoilt_is_shown_as_far_as_it_goes() -> None:
    for record in ({}, {"expires": 3, "observations": [{}], "databases": []}, {"expires": HOSTILE}):
        assert "Packets (pcapng)" in page(Story(incident=incident(), record=record))
