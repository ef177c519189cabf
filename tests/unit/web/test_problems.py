from __future__ import annotations

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from egret.web.problems import Problem, fitting

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def answered(path: str, headers: dict[str, str], made: web.StreamResponse) -> web.Response:
    response = fitting(make_mocked_request("GET", path, headers), made)
    assert isinstance(response, web.Response)
    return response


def test_what_is_wrong_is_an_error_with_words() -> None:
    made = Problem(404, "not here", {"X-Y": "z"})
    assert (made.status, made.content_type, made.headers["X-Y"]) == (404, "application/json", "z")
    assert json.loads(made.text or "") == {"error": "not here"}


@pytest.mark.parametrize("path", ["/", "/incidents/x", "/login", "/nothing"])
def test_a_person_gets_a_page_and_whatever_else_was_said(path: str) -> None:
    made = answered(path, BROWSER, Problem(429, "wait <b>", {"Retry-After": "9"}))
    assert (made.status, made.content_type, made.headers["Retry-After"]) == (429, "text/html", "9")
    assert made.text is not None
    assert "<h1>Too many tries</h1>" in made.text
    assert "wait &lt;b&gt;" in made.text
    assert '<a href="/">' in made.text


def test_a_page_under_a_name_that_is_not_ours_leads_nowhere() -> None:
    assert "<a " not in (answered("/", BROWSER, Problem(421, "no")).text or "<a ")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 418, 421, 429, 500, 503])
def test_every_status_has_a_title(status: int) -> None:
    assert "<h1>" in (answered("/", BROWSER, Problem(status, "so it is")).text or "")


@pytest.mark.parametrize("path", ["/api/v1/status", "/metrics", "/healthz", "/readyz"])
def test_what_programs_ask_for_stays_json(path: str) -> None:
    assert answered(path, BROWSER, Problem(503, "later")).content_type == "application/json"
    assert answered("/", {"Accept": "*/*"}, Problem(503, "later")).content_type == "application/json"


def test_what_is_no_problem_stays_as_it_is() -> None:
    fine = web.Response(text="fine")
    assert answered("/", BROWSER, fine) is fine
