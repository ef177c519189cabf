from __future__ import annotations

from egret.web.frame import Around, framed
from tests.support.webview import HOSTILE

SECTIONS = (("/", "All"), ("here", "Here"))


def test_the_first_link_leads_past_the_head_and_the_last_words_are_for_screen_readers() -> None:
    page = framed("Title", "<p>main</p>", SECTIONS, Around("", "1.0"))
    body = page.partition("<body>")[2]
    assert body.startswith('<a class="skip" href="#main">')
    assert '<main id="main" tabindex="-1"><p>main</p></main>' in body
    assert 'role="status" aria-live="polite" data-own></p></body>' in body
    assert '<a href="/">All</a>' in body
    assert '<a href="#here">Here</a>' in body


def test_names_and_versions_are_text() -> None:
    page = framed("Title", "", SECTIONS, Around("", HOSTILE, HOSTILE, stop=True))
    assert "<script>alert" not in page
    assert "Log out" in page
    assert "Log out" not in framed("Title", "", SECTIONS, Around("", ""))
