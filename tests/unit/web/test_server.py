from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import jsonschema
import pytest
from aiohttp import web

from egret.alerts.model import Sensor
from egret.alerts.selection import EVERYTHING, Selection
from egret.alerts.showing import show, summary
from egret.alerts.veil import CLEAR
from egret.errors import ConfigError, StoreError
from egret.evidence import Form, Proof
from egret.settings.http_section import Http, HttpTls
from egret.settings.values import Listen
from egret.store.access import Purpose
from egret.store.evidence import Bounds, EvidenceFolder, Piece
from egret.web import guard, listener, server
from egret.web.endpoints import Looked
from egret.web.server import HEADERS, WebServer
from egret.web.status import IncidentPage, IncidentState, Readiness
from tests.support.alerts import alerts_of, hello
from tests.support.certificates import Authority
from tests.support.hello import client_hello
from tests.support.login import PASSWORD, with_login
from tests.support.webview import View, facts

T = TypeVar("T")
SPEC = json.loads(server.FILES["/api/v1/openapi.json"])
LOOPBACK = Http.model_construct(listen=Listen("127.0.0.1", 0))


class Answer:
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


PAGES = {"/", "/incidents/{incident}", "/style.css", "/live.js", "/icon.svg", "/login", "/logout"}  # for people


def ask(
    path: str,
    *,
    view: View | None = None,
    method: str = "GET",
    host: str | None = None,
    more: dict[str, str] | None = None,
    settings: Http = LOOPBACK,
    looked: Looked | None = None,
) -> Answer:
    async def scenario() -> Answer:
        running = WebServer(view or View(), settings, looked)
        await running.start()
        headers = {"Host": host} if host is not None else {}
        headers |= more or {}
        try:
            url = f"http://127.0.0.1:{running.port}{path}"
            async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as answer:
                return Answer(answer.status, answer.headers, await answer.read())
        finally:
            await running.close()

    answer = asyncio.run(scenario())
    if answer.body and (described := template(path)) is not None:
        conforms(answer, described)  # whatever a test is about
    return answer


def template(path: str) -> str | None:
    """The path of openapi.json that *path* is one of."""
    bare = path.partition("?")[0]
    if bare in SPEC["paths"]:
        return bare
    shaped = re.sub(r"(?<=/incidents/)[^/]+", "{incident}", bare)
    return shaped if shaped in SPEC["paths"] else None


def conforms(answer: Answer, path: str) -> None:
    """The answer is one that openapi.json describes."""
    responses = SPEC["paths"][path]["get"]["responses"]
    described = responses.get(str(answer.status), responses["default"])["content"]
    content_type = answer.headers["Content-Type"].partition(";")[0]
    schema = described[content_type]["schema"]
    if content_type == "application/json" and "$ref" in schema:
        whole = {"$ref": "#" + _pointer(schema), "components": SPEC["components"]}
        jsonschema.Draft202012Validator(whole).validate(answer.json)


def _pointer(schema: dict[str, str]) -> str:
    return schema["$ref"].removeprefix("#")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/status",
        "/api/v1/incidents",
        "/api/v1/incidents?limit=1&state=all",
        "/api/v1/incidents?severity=medium&class=ai&vendor=Alibaba&q=qwen+192.0.2",
        "/api/v1/incidents/incident-1",
        "/api/v1/incidents/nothing",
        "/api/v1/incidents/incident-1/evidence.pcapng",
        "/healthz",
        "/metrics",
        "/api/v1/openapi.json",
        "/api/v1/coverage?interval=minute",
        "/readyz",
    ],
)
def test_answers_are_as_the_openapi_file_says(path: str) -> None:
    conforms(ask(path), template(path) or "")


def test_every_route_is_described() -> None:
    routes = {
        route.resource.canonical
        for route in WebServer(View(), LOOPBACK)._application().router.routes()
        if route.resource
    }
    assert routes - set(SPEC["paths"]) == PAGES
    assert set(SPEC["paths"]) <= routes


def test_incidents_are_paged() -> None:
    first = ask("/api/v1/incidents?limit=2").json
    assert (first["total"], first["next_offset"], len(first["incidents"])) == (3, 2, 2)
    last = ask("/api/v1/incidents?limit=2&offset=2").json
    assert (last["next_offset"], len(last["incidents"])) == (None, 1)
    assert ask("/api/v1/incidents?state=closed").json["incidents"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=501",
        "limit=x",
        "limit=\u0663",
        "offset=9999999999",
        "state=maybe",
        "client=x",
        "client=~%0a",
        "severity=grave",
        "class=x",
        f"q={'x' * 201}",
        "q=" + "a+" * 9,
    ],
)
def test_a_bad_query_is_told_so(query: str) -> None:
    answer = ask(f"/api/v1/incidents?{query}")
    assert answer.status == 400
    conforms(answer, "/api/v1/incidents")


def test_the_youngest_intervals_of_the_ledger_are_given() -> None:
    whole = ask("/api/v1/coverage").json
    assert (whole["interval_seconds"], len(whole["intervals"])) == (3600, 20)
    last = ask("/api/v1/coverage?limit=1&interval=minute").json
    assert (last["interval_seconds"], len(last["intervals"])) == (60, 1)
    assert last["intervals"][0]["named_by"]["nothing"] == 22
    assert ask("/api/v1/coverage?limit=0").json["intervals"] == []


@pytest.mark.parametrize("query", ["limit=1001", "interval=day"])
def test_a_bad_question_to_the_ledger_is_told_so(query: str) -> None:
    answer = ask(f"/api/v1/coverage?{query}")
    assert answer.status == 400
    conforms(answer, "/api/v1/coverage")


def test_ready_and_alive() -> None:
    assert ask("/healthz").body == b"alive\n"
    answer = ask("/readyz")
    assert (answer.status, answer.json["reasons"]) == (503, ["wg0 is down"])
    ready = ask("/readyz", view=View(now=replace(facts(), readiness=Readiness(ready=True))))
    assert (ready.status, ready.json) == (200, {"ready": True, "reasons": []})


def test_metrics_pass_promtool() -> None:
    answer = ask("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    checked = subprocess.run(["promtool", "check", "metrics"], input=answer.body, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


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


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("severity=high", ["incident-1"]),
        ("severity=medium", ["incident-1", "incident-2"]),
        ("class=cloud", ["incident-3"]),
        ("vendor=Baidu", []),
        ("group=front+desk", ["incident-1"]),
        ("q=RECEPTION+qwen", ["incident-1"]),
        ("q=&severity=&vendor=&client=", ["incident-1", "incident-2", "incident-3"]),
    ],
)
def test_incidents_are_chosen_by_the_page_and_the_api_alike(query: str, found: list[str]) -> None:
    assert [each["id"] for each in ask(f"/api/v1/incidents?{query}").json["incidents"]] == found
    page = ask(f"/?{query}").body.decode()
    assert re.findall(r'<tr data-key="(incident-\d)">', page) == found
    assert ("Nothing matches" in page) is (found == [])


def test_a_bad_query_is_told_on_the_page() -> None:
    answer = ask("/?client=nobody&q=%3Cscript%3E")
    assert answer.status == 400
    assert b"client must be an address" in answer.body
    assert b'value="&lt;script&gt;"' in answer.body


def test_a_page_that_did_not_change_is_not_sent_again() -> None:
    view = View()
    first = ask("/", view=view)
    view.now = replace(view.now, now_ns=view.now.now_ns + 30 * 10**9)
    tag = {"If-None-Match": first.headers["ETag"]}
    again = ask("/", view=view, more=tag)
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    view.listed = view.listed[1:]
    assert ask("/", view=view, more=tag).status == 200
    assert ask("/incidents/incident-2", view=view, more={"If-None-Match": '"x"'}).status == 200


def test_a_page_of_nothing() -> None:
    for path in ("/incidents/nothing", "/incidents/..%2f..", "/incidents/%3Cscript%3E"):
        answer = ask(path)
        assert (answer.status, b"There is no such incident" in answer.body) == (404, True)


def test_incidents_of_one_client_and_that_somebody_looked_at_them() -> None:
    looks: list[tuple[str, Purpose, str]] = []
    answer = ask("/api/v1/incidents?client=192.0.2.11", looked=lambda *look: looks.append(look)).json
    assert (answer["total"], [each["client"] for each in answer["incidents"]]) == (1, ["192.0.2.11"])
    assert ask("/api/v1/incidents?client=2001:DB8:1:0::17").json["total"] == 1
    assert ask("/api/v1/incidents?client=address~abc").json["total"] == 0
    assert looks == [("http 127.0.0.1", Purpose.API, "192.0.2.11")]


def test_the_page_refreshes_unless_told_not_to() -> None:
    assert b'http-equiv="refresh"' in ask("/").body
    assert b'http-equiv="refresh"' not in ask("/?refresh=off").body


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
            said = [await asyncio.wait_for(reader.read(), 5) for reader, _ in reversed(opened)]
            for _, writer in opened:
                writer.close()
            return said, loop.time() - begin
        finally:
            await running.close()

    said, lasted_s = asyncio.run(scenario())
    assert said == [b"", b"", b""]
    assert 0.25 < lasted_s < 3


def test_garbage_is_answered_and_logged_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> bytes:
        running = WebServer(View(), LOOPBACK)
        await running.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"\x16\x03\x01\x02\x00\r\n\r\n")
        said = await asyncio.wait_for(reader.read(), 5)
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


def test_evidence_is_as_the_openapi_file_says(tmp_path: Path) -> None:
    place = EvidenceFolder(tmp_path, Bounds(1 << 60, 1 << 20, 9, 9), "Egret")
    detection, incident = hello(), alerts_of(hello())[0].incident
    shown = show(detection, Proof(Form.HELLO, client_hello(b"chat.example")), CLEAR)
    told = summary(incident, Sensor("1", "gw"), "1", ["geo"])
    place.add(Piece(incident.id, incident.severity, told, shown.values, shown.packets, 1))
    kept = place.read(incident.id)
    assert kept is not None
    path = "/api/v1/incidents/{incident}/evidence"
    for identity, status in ((incident.id, 200), ("..%2f..%2fetc", 404)):
        answer = ask(path.format(incident=identity), view=View(kept={incident.id: kept}))
        assert answer.status == status
        conforms(answer, path)
        packets = ask(f"{path.format(incident=identity)}.pcapng", view=View(kept={incident.id: kept}))
        assert packets.status == status
        assert status == 404 or packets.body == kept.capture
    view = View(listed=[incident], kept={incident.id: kept})
    assert ask(f"/api/v1/incidents/{incident.id}", view=view).json["evidence"]["incident"] == incident.id
    page = ask(f"/incidents/{incident.id}", view=view).body.decode()
    assert f'href="/api/v1/incidents/{incident.id}/evidence.pcapng" download' in page
    assert kept.record["capture"]["sha256"] in page


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
