from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from egret.alerts.selection import EVERYTHING, Selection
from egret.errors import ConfigError, StoreError
from egret.settings.http_section import Http, HttpTls
from egret.settings.values import Listen
from egret.web import guard, listener, server
from egret.web.server import HEADERS, WebServer
from egret.web.status import IncidentPage, IncidentState
from tests.support.certificates import Authority
from tests.support.login import PASSWORD, with_login
from tests.support.patience import PATIENCE_S
from tests.support.webask import LOOPBACK, SPEC, Answer, ask, conforms
from tests.support.webview import View

PAGES = {"/", "/incidents/{incident}", "/style.css", "/live.js", "/icon.svg", "/login", "/logout"}  # for people


def test_every_route_is_described() -> None:
    routes = {
        route.resource.canonical
        for route in WebServer(View(), LOOPBACK)._application().router.routes()
        if route.resource
    }
    assert routes - set(SPEC["paths"]) == PAGES
    assert set(SPEC["paths"]) <= routes


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/style.css", "/live.js", "/incidents/incident-1", "/api/v1/status", "/nothing"]
)
def test_every_answer_has_the_protecting_headers(path: str) -> None:
    answer = ask(path)
    assert answer.status == (404 if path == "/nothing" else 200)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9477", "LOCALHOST", "[::1]:9477", "127.8.8.8"])
def test_own_hosts_are_served(host: str) -> None:
    assert ask("/healthz", host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.0.2.1", "", "127.0.0.1.evil.example:80"]
)
def test_foreign_hosts_are_refused(host: str) -> None:
    assert ask("/", host=host).status == 421


def test_configured_host_names_are_served() -> None:
    named = Http.model_construct(listen=Listen("127.0.0.1", 0), host_names=("Gateway.example",))
    assert ask("/healthz", host="gateway.example:9477", settings=named).status == 200
    anywhere = Http.model_construct(listen=Listen("0.0.0.0", 0), allow_remote=True)
    assert ask("/healthz", host="192.0.2.7:9477", settings=anywhere).status == 200
    assert ask("/healthz", host="evil.example", settings=anywhere).status == 421


def test_only_reading_is_allowed() -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = ask("/", method=method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    head = ask("/", method="HEAD")
    assert (head.status, head.body) == (200, b"")


class Broken(View):
    error: Exception = RuntimeError("a secret")

    async def incidents(
        self, state: IncidentState, selection: Selection = EVERYTHING, *, limit: int, offset: int = 0
    ) -> IncidentPage:
        raise self.error


def test_an_error_of_ours_is_an_answer_and_a_count() -> None:
    view = Broken()
    answer = ask("/", view=view)
    assert (answer.status, b"secret" in answer.body) == (500, False)
    assert view.telemetry.value("egret_internal_errors_total", "web") == 1


def test_a_broken_store_is_said() -> None:
    view = Broken()
    view.error = StoreError("disk I/O error")
    answer = ask("/api/v1/incidents", view=view)
    assert answer.status == 503
    conforms(answer, "/api/v1/incidents")
    assert view.telemetry.value("egret_store_errors_total") == 1


def test_a_handler_that_hangs_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    monkeypatch.setattr(guard, "HANDLER_S", 0.05)
    monkeypatch.setattr(server, "_healthz", hang)
    assert ask("/healthz").status == 503


def test_a_taken_port_is_a_clear_error() -> None:
    async def scenario() -> None:
        first = WebServer(View(), LOOPBACK)
        await first.start()
        try:
            await WebServer(View(), Http.model_construct(listen=Listen("127.0.0.1", first.port))).start()
        finally:
            await first.close()

    with pytest.raises(
        ConfigError, match=r"another program listens there \(stop it, or set http.listen to another port\)"
    ):
        asyncio.run(scenario())


def test_an_address_that_is_not_ours_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match="no such address"):
        asyncio.run(WebServer(View(), Http.model_construct(listen=Listen("192.0.2.1", 9477))).start())


@pytest.mark.parametrize("bound", ["IDLE_S", "CONNECTION_S"])
def test_connections_are_bounded_in_number_and_time(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(listener if bound == "CONNECTION_S" else server, bound, 0.3)

    async def scenario() -> tuple[list[bytes], float]:
        running = WebServer(View(), LOOPBACK)
        await running.start()
        loop = asyncio.get_running_loop()
        begin = loop.time()
        try:
            opened = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(3)]
            said = [await asyncio.wait_for(reader.read(), PATIENCE_S) for reader, _ in reversed(opened)]
            for _, writer in opened:
                writer.close()
            return said, loop.time() - begin
        finally:
            await running.close()

    said, lasted_s = asyncio.run(scenario())
    assert said == [b"", b"", b""]
    assert 0.25 < lasted_s < 29  # what it is outside of tests: 30 s at least


def test_garbage_is_answered_and_logged_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> bytes:
        running = WebServer(View(), LOOPBACK)
        await running.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"\x16\x03\x01\x02\x00\r\n\r\n")
        said = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
        await running.close()
        return said

    assert asyncio.run(scenario()).startswith(b"HTTP/1.0 400")
    assert not caplog.records


def test_the_port_is_unknown_before_the_start() -> None:
    with pytest.raises(RuntimeError):
        _ = WebServer(View(), LOOPBACK).port


def test_who_sees_clients_is_heard_of_and_who_asks_for_numbers_is_not() -> None:
    heard: list[tuple[str, str]] = []

    async def scenario() -> None:
        running = WebServer(View(), LOOPBACK, lambda who, what, _: heard.append((who, what.value)))
        await running.start()
        try:
            async with aiohttp.ClientSession() as session:
                for path in ("/", "/metrics", "/api/v1/status", "/api/v1/incidents", "/api/v1/incidents?state=x"):
                    async with session.get(f"http://127.0.0.1:{running.port}{path}") as answer:
                        await answer.read()
        finally:
            await running.close()

    asyncio.run(scenario())
    assert heard[:2] == [("http 127.0.0.1", "page"), ("http 127.0.0.1", "api")]
    assert {what for _, what in heard} == {"page", "api"}


def test_tls_and_a_password(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("egret.example")
    settings = with_login(tls=HttpTls(certificate=certificate, key=key))
    looked: list[str] = []
    known_as = {"Authorization": "Basic " + b64encode(f"alice:{PASSWORD}".encode()).decode()}

    async def scenario() -> tuple[int, int, int]:
        running = WebServer(View(), settings, lambda who, *_: looked.append(who))
        await running.start()
        trusting = ssl.create_default_context(cafile=str(authority.ca))
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as session:
                url = f"https://127.0.0.1:{running.port}/api/v1/incidents"
                async with session.get(url) as stranger:
                    conforms(Answer(stranger.status, stranger.headers, await stranger.read()), "/api/v1/incidents")
                async with session.get(url, headers=known_as) as known:
                    await known.read()
                running.apply(settings.model_copy(update={"users": ()}))
                async with session.get(url, headers=known_as) as forgotten:
                    await forgotten.read()
                return stranger.status, known.status, forgotten.status
        finally:
            await running.close()

    assert asyncio.run(scenario()) == (401, 200, 401)
    assert looked == ["http alice from 127.0.0.1"]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (
            b"Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded; charset=none",
            b"a=\xff\xfe",
        ),
        (b"Sec-Fetch-Site: same-origin\r\nContent-Type: multipart/form-data; boundary=x", b"--x\r\n"),
        (b"Sec-Fetch-Site: same-origin", b"&".join([b"a=1"] * 99)),
        (b"Origin: http://[", b""),
        (b"Authorization: Basic \xff\xfe", b""),
        (b"Sec-Fetch-Site: same-origin\r\nExpect: 100-continue", b"name=\x00&password=%ff&next=%0d%0aX:"),
    ],
)
def test_what_no_browser_sends_is_no_error_of_ours(head: bytes, body: bytes) -> None:
    view = View()

    async def scenario() -> bytes:
        running = WebServer(view, with_login())
        await running.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        length = str(len(body)).encode()
        writer.write(b"POST /login HTTP/1.1\r\nHost: a\r\n" + head + b"\r\nContent-Length: " + length)
        writer.write(b"\r\nConnection: close\r\n\r\n" + body)
        said = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
        await running.close()
        return said

    assert b"HTTP/1.1 4" in asyncio.run(scenario())
    assert view.telemetry.value("egret_internal_errors_total", "web") == 0


def test_who_leaves_early_is_no_error_of_ours() -> None:
    view = View()

    async def scenario() -> None:
        running = WebServer(view, with_login())
        await running.start()
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(
            b"POST /login HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 99\r\n\r\nname="
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)
        await running.close()

    asyncio.run(scenario())
    assert view.telemetry.value("egret_internal_errors_total", "web") == 0
