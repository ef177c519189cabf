from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from egret.errors import StoreError
from egret.settings.http_section import Access, Http
from egret.settings.values import Listen
from egret.telemetry import Telemetry
from egret.web.guard import VISITOR, Guard, from_own_page, is_ours, own_path, remote_of
from egret.web.visitors import Visitor, Visitors
from tests.support.login import TOKEN, with_login

HERE = Http()
BROWSER = {"Host": "localhost", "Accept": "text/html,*/*", "Sec-Fetch-Mode": "navigate"}


def ask(
    path: str = "/",
    settings: Http = HERE,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    error: Exception | None = None,
) -> web.StreamResponse:
    async def handler(_: web.Request) -> web.StreamResponse:
        if error is not None:
            raise error
        return web.Response(text=repr(VISITOR.get(None)))

    async def scenario() -> web.StreamResponse:
        telemetry = Telemetry("test")
        guard = Guard(settings, Visitors(settings, telemetry.login), telemetry)
        request = make_mocked_request(method, path, {"Host": "localhost", **(headers or {})})
        return await guard(request, handler)

    return asyncio.run(scenario())


def said(response: web.StreamResponse) -> str:
    assert isinstance(response, web.Response)
    assert response.text is not None
    return response.text


def test_who_asks_is_kept_with_the_request() -> None:
    assert said(ask()) == repr(Visitor(None))
    assert "'siem'" in said(ask(settings=with_login(), headers={"Authorization": f"Bearer {TOKEN}"}))


def test_a_browser_is_sent_to_the_form_and_comes_back() -> None:
    answer = ask("/incidents/1?q=a%20b", with_login(), headers=BROWSER)
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/incidents/1%3Fq%3Da%2520b")


def test_a_link_from_elsewhere_is_followed_once_more_from_here() -> None:
    answer = ask("/incidents/1?a=1&b", with_login(), headers={**BROWSER, "Sec-Fetch-Site": "cross-site"})
    assert answer.status == 200
    assert 'content="0; url=/incidents/1?a=1&amp;b"' in said(answer)
    away = ask("//evil.example/", with_login(), headers={**BROWSER, "Sec-Fetch-Site": "cross-site"})
    assert "evil" not in said(away)


@pytest.mark.parametrize(
    ("headers", "challenge"), [({}, 'Basic realm="Egret"'), ({"Sec-Fetch-Mode": "cors"}, None), ({"Cookie": "x"}, "B")]
)
def test_a_program_is_asked_by_http_and_a_script_of_ours_only_told(
    headers: dict[str, str], challenge: str | None
) -> None:
    answer = ask("/api/v1/status", with_login(), headers=headers)
    assert answer.status == 401
    assert (answer.headers.get("WWW-Authenticate") or "").startswith(challenge or "")
    assert ("WWW-Authenticate" in answer.headers) is (challenge is not None)


def test_without_a_form_a_browser_is_asked_as_a_program_is() -> None:
    assert ask("/", with_login(users=()), headers=BROWSER).status == 401


@pytest.mark.parametrize("path", ["/healthz", "/login", "/style.css", "/icon.svg"])
def test_what_is_open_is_open(path: str) -> None:
    assert ask(path, with_login()).status == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/readyz", "/api/v1/status", "/api/v1/openapi.json", "/nothing"])
def test_what_is_not_open_is_not(path: str) -> None:
    assert ask(path, with_login()).status == 401


@pytest.mark.parametrize(
    ("settings", "host", "known"),
    [
        (HERE, "localhost:9477", True),
        (HERE, "127.0.0.1", True),
        (HERE, "[::1]:9477", True),
        (HERE, "rebound.example", False),
        (HERE, "192.0.2.1", False),
        (HERE, None, False),
        (HERE, "", False),
        (Http(host_names=("Gate",)), "gate:9477", True),
        (Http(public_url="https://egret.example/"), "egret.example", True),
        (with_login(listen=Listen("0.0.0.0", 1)), "192.0.2.1", True),
    ],
)
def test_by_which_names_it_may_be_asked_for(settings: Http, host: str | None, known: bool) -> None:
    assert is_ours(host, settings) is known


def test_a_name_is_asked_about_only_where_there_is_no_login() -> None:
    assert ask(headers={"Host": "rebound.example"}).status == 421
    assert ask("/healthz", headers={"Host": "rebound.example"}).status == 421
    assert ask("/healthz", with_login(), headers={"Host": "any.example"}).status == 200


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "http://localhost:9477"}, True),
        ({"Origin": "https://egret.example"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
def test_a_form_must_come_from_a_page_of_ours(headers: dict[str, str], own: bool) -> None:
    settings = with_login(public_url="https://egret.example")
    request = make_mocked_request("POST", "/login", {"Host": "localhost:9477", **headers})
    assert from_own_page(request, settings) is own
    answer = ask("/login", settings, "POST", {"Host": "localhost:9477", **headers})
    assert answer.status == (200 if own else 403)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [("/", "POST", "GET, HEAD"), ("/login", "PUT", "GET, HEAD, POST"), ("/logout", "GET", "POST")],
)
def test_methods(path: str, method: str, allowed: str) -> None:
    answer = ask(path, with_login(), method)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)


def test_who_may_see_metrics_alone() -> None:
    scraper = with_login(tokens=(with_login().tokens[0].model_copy(update={"access": Access.METRICS}),))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert ask("/metrics", scraper, headers=headers).status == 200
    assert ask("/", scraper, headers=headers).status == 403


def test_too_many_wrong_tries() -> None:
    async def scenario() -> web.StreamResponse:
        telemetry, settings = Telemetry("test"), with_login()
        guard = Guard(settings, Visitors(settings, telemetry.login), telemetry)

        async def never(_: web.Request) -> web.StreamResponse:
            raise AssertionError

        for _ in range(10):
            await guard(make_mocked_request("GET", "/", {"Authorization": "Bearer x"}), never)
        assert telemetry.value("egret_logins_total", "wrong") == 10
        return await guard(make_mocked_request("GET", "/", {"Authorization": "Bearer x"}), never)

    answer = asyncio.run(scenario())
    assert answer.status == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 7


@pytest.mark.parametrize(
    ("header", "remote"),
    [("198.51.100.7, 203.0.113.5", "203.0.113.5"), ("203.0.113.5,2001:db8::1", "2001:db8::1"), ("x", ""), (None, "")],
)
def test_behind_a_proxy_the_last_address_is_the_proxys_word(header: str | None, remote: str) -> None:
    request = make_mocked_request("GET", "/", {"X-Forwarded-For": header} if header else {})
    direct = request.remote or ""
    assert remote_of(request, with_login(tls_by_proxy=True)) == (remote or direct)
    assert remote_of(request, with_login()) == direct


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a b", "/a\r\nX: y", "x"]
)
def test_no_way_leads_to_another_site(path: str) -> None:
    assert own_path(path) == "/"
    assert own_path("/incidents/1?q=a") == "/incidents/1?q=a"


@pytest.mark.parametrize(
    ("error", "status"),
    [(StoreError("broken"), 503), (RuntimeError("a bug"), 500), (web.HTTPNotFound(), 404), (TimeoutError(), 503)],
)
def test_errors_are_answers(error: Exception, status: int) -> None:
    answer = ask(error=error)
    assert answer.status == status
    assert "a bug" not in json.loads(said(answer))["error"]


def test_a_way_to_go_on_is_no_error() -> None:
    answer = ask(error=web.HTTPSeeOther("/login"))
    assert (answer.status, answer.headers["Location"]) == (303, "/login")


def test_what_is_refused_is_a_page_in_a_browser() -> None:
    answer = ask("/", headers={**BROWSER, "Host": "evil.example"})
    assert (answer.status, answer.content_type) == (421, "text/html")
    assert "add the name to http.host_names" in said(answer)
    failed = ask("/incidents/1", headers=BROWSER, error=StoreError("/secret/place"))
    assert (failed.status, failed.content_type) == (503, "text/html")
    assert "secret" not in said(failed)
