from __future__ import annotations

import asyncio
from base64 import b64encode

import pytest

from egret.settings.http_section import Access, Http
from egret.telemetry.table import Login
from egret.web import visitors as module
from egret.web.throttle import BURST
from egret.web.visitors import Refused, Visitor, Visitors
from tests.support.login import PASSWORD, TOKEN, USER, with_login

HERE = "192.0.2.1"


class Desk:
    """Visitors with a clock of the test's, and what was heard."""

    def __init__(self, settings: Http | None = None) -> None:
        self.now_s = 0.0
        self.heard: list[tuple[Login, str, str]] = []
        self.visitors = Visitors(settings or with_login(), lambda *said: self.heard.append(said), lambda: self.now_s)

    async def ask(
        self, authorization: str | None = None, cookie: str | None = None, remote: str = HERE
    ) -> Visitor | Refused | None:
        return await self.visitors.identify(authorization, cookie, remote)


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


def test_without_a_login_everybody_is_nobody_in_particular() -> None:
    assert asyncio.run(Desk(Http()).ask()) == Visitor(None, Access.ALL)


@pytest.mark.parametrize(
    ("authorization", "found"),
    [
        (None, None),
        ("Digest x", None),
        (basic("alice", PASSWORD), Visitor("alice", Access.ALL)),
        (basic("prometheus", PASSWORD).replace("Basic", "bAsIc"), Visitor("prometheus", Access.METRICS)),
        (f"Bearer {TOKEN}", Visitor("siem", Access.ALL)),
        (basic("alice", "wrong"), Refused(Login.WRONG)),
        (basic("nobody", PASSWORD), Refused(Login.WRONG)),
        ("Basic ***", Refused(Login.WRONG)),
        ("Basic /w==", Refused(Login.WRONG)),
        ("Bearer x", Refused(Login.WRONG)),
        ("Bearer \ud800", Refused(Login.WRONG)),
    ],
)
def test_who_programs_are(authorization: str | None, found: object) -> None:
    assert asyncio.run(Desk().ask(authorization)) == found


def test_a_session_lasts_as_long_as_its_password() -> None:
    async def scenario() -> None:
        desk = Desk()
        cookie = desk.visitors.begin_session(Visitor("alice"))
        assert await desk.ask(cookie=cookie) == Visitor("alice")
        assert await desk.ask(cookie="other") is None
        desk.visitors.apply(with_login(users=()))
        assert await desk.ask(cookie=cookie) is None
        other = USER.model_copy(update={"password": with_login().users[1].password})
        desk.visitors.apply(with_login(users=(other,)))
        assert await desk.ask(cookie=cookie) is None
        desk.visitors.apply(with_login())
        desk.now_s = 12 * 3600.0
        assert await desk.ask(cookie=cookie) is None
        cookie = desk.visitors.begin_session(Visitor("alice"))
        desk.visitors.end_session(cookie)
        assert await desk.ask(cookie=cookie) is None

    asyncio.run(scenario())


def test_who_is_wrong_too_often_waits_and_others_do_not() -> None:
    async def scenario() -> None:
        desk = Desk()
        cookie = desk.visitors.begin_session(Visitor("alice"))
        for _ in range(BURST):
            assert await desk.ask(basic("alice", "wrong")) == Refused(Login.WRONG)
        late = await desk.ask(basic("alice", PASSWORD))
        assert isinstance(late, Refused)
        assert late.wait_s > 0
        assert isinstance(await desk.visitors.password("alice", PASSWORD, HERE), Refused)
        assert isinstance(await desk.ask("Bearer wrong"), Refused)
        assert await desk.ask(f"Bearer {TOKEN}") == Visitor("siem")
        assert await desk.ask(cookie=cookie) == Visitor("alice")
        assert await desk.ask(basic("alice", PASSWORD), remote="192.0.2.2") == Visitor("alice")
        assert desk.heard[0] == (Login.WRONG, HERE, "alice")
        assert desk.heard[-1] == (Login.ACCEPTED, "192.0.2.2", "alice")

    asyncio.run(scenario())


def test_names_that_nobody_has_are_not_repeated() -> None:
    desk = Desk()
    asyncio.run(desk.ask(basic("my secret, in the wrong field", "x")))
    assert desk.heard == [(Login.WRONG, HERE, "")]


def test_a_scraper_pays_for_its_password_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(password: str, _hash: str) -> bool:
        looked.append(password)
        return True

    monkeypatch.setattr(module, "is_password", look)

    async def scenario() -> None:
        desk = Desk()
        for _ in range(3):
            assert await desk.ask(basic("prometheus", PASSWORD)) == Visitor("prometheus", Access.METRICS)
        assert looked == [PASSWORD]
        assert desk.heard == [(Login.ACCEPTED, HERE, "prometheus")]
        desk.now_s = module.REMEMBER_S
        await desk.ask(basic("prometheus", PASSWORD))
        await desk.ask(basic("prometheus", "another"))
        assert looked == [PASSWORD, PASSWORD, "another"]

    asyncio.run(scenario())


def test_a_flood_of_tries_does_not_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)

    async def scenario() -> list[Visitor | Refused]:
        desk = Desk()
        tries = (desk.visitors.password("alice", PASSWORD, f"192.0.2.{number}") for number in range(8))
        return await asyncio.gather(*tries)

    found = asyncio.run(scenario())
    assert sum(isinstance(each, Visitor) for each in found) == 3
    assert {each.why for each in found if isinstance(each, Refused)} == {Login.LIMITED}
