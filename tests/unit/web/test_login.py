from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from egret.settings.http_section import Http
from egret.web.server import WebServer
from egret.web.throttle import BURST
from tests.support.login import PASSWORD, with_login
from tests.support.patience import PATIENCE_S
from tests.support.webview import HOSTILE, View

OWN = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
Ask = Callable[..., Awaitable[aiohttp.ClientResponse]]


def visit(scenario: Callable[[Ask], Awaitable[None]], settings: Http | None = None) -> None:
    async def run() -> None:
        server = WebServer(View(), settings or with_login())
        await server.start()
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

        async def ask(method: str, path: str, **form: str) -> aiohttp.ClientResponse:
            url = f"http://127.0.0.1:{server.port}{path}"
            data: Any = urlencode(form) if form else None
            headers = OWN if method == "POST" else {"Accept": "text/html"}
            answer = await session.request(method, url, data=data, headers=headers, allow_redirects=False)
            await answer.read()
            return answer

        try:
            await scenario(ask)
        finally:
            await session.close()
            await server.close()

    asyncio.run(run())


def test_in_and_out() -> None:
    async def scenario(ask: Ask) -> None:
        assert (await ask("GET", "/")).headers["Location"] == "/login?next=/"
        entered = await ask("POST", "/login", name="alice", password=PASSWORD, next="/incidents/1?q=a")
        assert (entered.status, entered.headers["Location"]) == (303, "/incidents/1?q=a")
        cookie = entered.headers["Set-Cookie"]
        assert re.fullmatch(r"egret=[\w-]{43}; HttpOnly; Max-Age=43200; Path=/; SameSite=Strict", cookie)
        page = await ask("GET", "/")
        assert page.status == 200
        left = await ask("POST", "/logout")
        assert (left.status, left.headers["Location"]) == (303, "/login")
        assert (await ask("GET", "/")).status == 303

    visit(scenario)


def test_over_tls_the_cookie_is_for_this_host_and_https_alone() -> None:
    async def scenario(ask: Ask) -> None:
        entered = await ask("POST", "/login", name="alice", password=PASSWORD)
        assert entered.headers["Set-Cookie"].startswith("__Host-egret=")
        assert "; Secure" in entered.headers["Set-Cookie"]
        assert "Domain" not in entered.headers["Set-Cookie"]

    visit(scenario, with_login(tls_by_proxy=True))


@pytest.mark.parametrize(
    ("name", "password", "status", "words"),
    [
        ("alice", "wrong", 401, "not the name and password"),
        ("nobody", PASSWORD, 401, "not the name and password"),
        ("prometheus", PASSWORD, 403, "for the metrics alone"),
        ("", "", 401, "not the name and password"),
    ],
)
def test_who_is_not_let_in(name: str, password: str, status: int, words: str) -> None:
    async def scenario(ask: Ask) -> None:
        answer = await ask("POST", "/login", name=name, password=password, next=HOSTILE)
        assert (answer.status, "Set-Cookie" in answer.headers) == (status, False)
        page = await answer.text()
        assert words in page
        assert PASSWORD not in page
        assert "<script" not in page

    visit(scenario)


def test_too_many_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egret.web.throttle.EVERY_S", PATIENCE_S)  # however long these take

    async def scenario(ask: Ask) -> None:
        for _ in range(BURST):
            await ask("POST", "/login", name="alice", password="wrong")
        answer = await ask("POST", "/login", name="alice", password=PASSWORD)
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert "Wait" in await answer.text()

    visit(scenario)


def test_the_form_leads_nowhere_else() -> None:
    async def scenario(ask: Ask) -> None:
        form = await (await ask("GET", "/login?next=//evil.example")).text()
        assert 'name="next" value="/"' in form
        entered = await ask("POST", "/login", name="alice", password=PASSWORD, next="//evil.example")
        assert entered.headers["Location"] == "/"

    visit(scenario)


def test_a_form_that_is_too_long_is_refused() -> None:
    async def scenario(ask: Ask) -> None:
        assert (await ask("POST", "/login", name="alice", password="x" * 10_000)).status == 413

    visit(scenario)


def test_without_users_there_is_no_form() -> None:
    async def scenario(ask: Ask) -> None:
        assert (await ask("GET", "/login?next=/metrics")).headers["Location"] == "/metrics"
        assert (await ask("POST", "/login", name="a", password="b")).status == 303

    visit(scenario, with_login(users=(), tokens=()))
