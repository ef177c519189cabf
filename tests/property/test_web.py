"""Whatever a browser, or who plays one, sends: an answer, and no error of ours."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from egret.alerts.selection import Selection
from egret.settings.http_section import Http
from egret.telemetry.table import Login
from egret.web.api import BadQuery, read_selection
from egret.web.guard import from_own_page, is_ours, own_path, remote_of
from egret.web.html import text
from egret.web.login import read_form
from egret.web.throttle import Throttle
from egret.web.visitors import Refused, Visitor, Visitors
from tests.support.login import TOKEN, with_login

WIRE = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60)  # what a header may hold
AUTHORIZATION = st.one_of(
    WIRE,
    st.builds("{} {}".format, st.sampled_from(["Basic", "bearer", "BASIC", "Bearer"]), WIRE),
    st.sampled_from([f"Bearer {TOKEN}", "Basic YWxpY2U6eA==", "Basic Og==", "Basic \udcff", "Bearer \ud800"]),
)


@given(AUTHORIZATION, st.one_of(st.none(), WIRE))
def test_only_who_knows_the_token_gets_in(authorization: str, cookie: str | None) -> None:
    heard: list[tuple[Login, str, str]] = []

    async def scenario() -> object:
        return await Visitors(with_login(users=()), lambda *said: heard.append(said)).identify(
            authorization, cookie, "192.0.2.1"
        )

    found = asyncio.run(scenario())
    assert isinstance(found, Visitor | Refused | None)
    scheme, _, token = authorization.partition(" ")
    assert isinstance(found, Visitor) is (scheme.lower() == "bearer" and token.strip() == TOKEN)


@given(WIRE, WIRE, WIRE)
def test_headers_are_read_whatever_they_hold(host: str, origin: str, forwarded: str) -> None:
    settings = Http(tls_by_proxy=True)
    assert isinstance(is_ours(host, settings), bool)
    request = make_mocked_request("POST", "/login", {"Host": host, "Origin": origin, "X-Forwarded-For": forwarded})
    assert isinstance(remote_of(request, settings), str)
    if from_own_page(request, settings):
        assert host.lower() in origin.lower()


@given(st.one_of(WIRE, st.text().map("/".__add__)))
def test_no_way_leads_to_another_site(path: str) -> None:
    way = own_path(path)
    assert way.startswith("/")
    assert not way.startswith(("//", "/\\"))
    assert way.isascii()
    assert way.isprintable()


@given(st.one_of(st.binary(max_size=200), st.lists(st.tuples(WIRE, WIRE)).map(lambda p: repr(p).encode())))
def test_a_form_is_three_texts_or_none(body: bytes) -> None:
    with suppress(BadQuery):
        assert len(read_form(body)) == 3


@given(st.dictionaries(st.sampled_from(["severity", "class", "vendor", "group", "client", "q"]), st.text(max_size=300)))
def test_a_query_is_a_selection_or_a_word_about_it(query: dict[str, str]) -> None:
    with suppress(BadQuery):
        assert isinstance(read_selection(query), Selection)


@given(st.text())
def test_text_is_text(said: str) -> None:
    shown = text(said)
    assert not set("<>\"'\x1b\n\r") & set(shown)


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(["192.0.2.1", "192.0.2.2", "x"]), st.booleans())))
def test_the_throttle_lets_through_no_more_than_it_says(tries: list[tuple[float, str, bool]]) -> None:
    throttle, through = Throttle(), 0
    now_s = 0.0
    for wait_s, remote, right in tries:
        now_s += wait_s
        if throttle.take(remote, now_s) == 0:
            if right:
                throttle.give_back(remote, now_s)
            else:
                through += remote == "192.0.2.1"
    assert through <= 10 + now_s / 6 + 1
