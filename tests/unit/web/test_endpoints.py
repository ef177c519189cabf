from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from egret.settings.http_section import Http
from egret.store.access import EVERYONE, Purpose
from egret.web.endpoints import Endpoints
from egret.web.guard import VISITOR
from egret.web.incident_list import PAGE_INCIDENTS
from egret.web.visitors import Visitor
from tests.support.webview import View, incident

NOBODY = Visitor(None)


def ask(path: str, view: View, name: str = "", visitor: Visitor = NOBODY) -> tuple[str, list[object]]:
    """The page, and who was said to have looked at whom."""
    looks: list[object] = []

    async def scenario() -> web.Response:
        VISITOR.set(visitor)
        ends = Endpoints(view, Http(tls_by_proxy=True), lambda *look: looks.append(look))
        headers = {"X-Forwarded-For": "203.0.113.5"}
        request = make_mocked_request("GET", path, headers, match_info={"incident": name})
        return await (ends.story(request) if name else ends.page(request))

    return asyncio.run(scenario()).text or "", looks


def test_many_incidents_are_on_many_pages() -> None:
    view = View(listed=[incident(number) for number in range(1, PAGE_INCIDENTS + 3)])
    first, _ = ask("/?q=qwen", view)
    assert first.count("<tr data-key=") == PAGE_INCIDENTS
    assert f'<a rel="next" href="/?q=qwen&amp;offset={PAGE_INCIDENTS}">' in first
    last, _ = ask(f"/?q=qwen&offset={PAGE_INCIDENTS}", view)
    assert last.count("<tr data-key=") == 2
    assert 'rel="prev" href="/?q=qwen"' in last


def test_who_looks_at_whom_is_written_down_by_name() -> None:
    view = View()
    _, looks = ask("/?client=192.0.2.11", view, visitor=Visitor("alice"))
    assert looks == [("http alice from 203.0.113.5", Purpose.PAGE, "192.0.2.11")]
    _, looks = ask("/", view)
    assert looks == [("http 203.0.113.5", Purpose.PAGE, EVERYONE)]
    page, looks = ask("/incidents/incident-1", view, "incident-1", Visitor("alice"))
    assert looks == [("http alice from 203.0.113.5", Purpose.PAGE, "192.0.2.11")]
    assert "alice" in page
    assert ask("/incidents/none", view, "none")[1] == []
