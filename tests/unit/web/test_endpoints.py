from __future__ import annotations

import asyncio
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from egret.alerts.model import Sensor
from egret.alerts.showing import show, summary
from egret.alerts.veil import CLEAR
from egret.evidence import Bounds, Form, Proof
from egret.settings.http_section import Http
from egret.store.access import EVERYONE, Purpose
from egret.store.evidence import EvidenceFolder, Piece
from egret.web.endpoints import Endpoints
from egret.web.guard import VISITOR
from egret.web.incident_list import PAGE_INCIDENTS
from egret.web.status import Readiness
from egret.web.visitors import Visitor
from tests.support.alerts import alerts_of, hello
from tests.support.hello import client_hello
from tests.support.webask import ask, conforms, template
from tests.support.webview import View, facts, incident

NOBODY = Visitor(None)


def look(path: str, view: View, name: str = "", visitor: Visitor = NOBODY) -> tuple[str, list[object]]:
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
    first, _ = look("/?q=qwen", view)
    assert first.count("<tr data-key=") == PAGE_INCIDENTS
    assert f'<a rel="next" href="/?q=qwen&amp;offset={PAGE_INCIDENTS}">' in first
    last, _ = look(f"/?q=qwen&offset={PAGE_INCIDENTS}", view)
    assert last.count("<tr data-key=") == 2
    assert 'rel="prev" href="/?q=qwen"' in last


def test_who_looks_at_whom_is_written_down_by_name() -> None:
    view = View()
    _, looks = look("/?client=192.0.2.11", view, visitor=Visitor("alice"))
    assert looks == [("http alice from 203.0.113.5", Purpose.PAGE, "192.0.2.11")]
    _, looks = look("/", view)
    assert looks == [("http 203.0.113.5", Purpose.PAGE, EVERYONE)]
    page, looks = look("/incidents/incident-1", view, "incident-1", Visitor("alice"))
    assert looks == [("http alice from 203.0.113.5", Purpose.PAGE, "192.0.2.11")]
    assert "alice" in page
    assert look("/incidents/none", view, "none")[1] == []


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
