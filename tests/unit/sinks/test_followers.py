from __future__ import annotations

import pytest

from egret.alerts.model import Alert
from egret.sinks import followers as module
from egret.sinks.followers import Followers
from tests.support.alerts import opened, whole_life

OPENED, ESCALATED, UPDATED, CLOSED = whole_life()


def route(followers: Followers, alert: Alert, *wanting: str) -> tuple[str, ...]:
    return followers.route(alert, ["a", "b"], lambda name: name in wanting)


def test_who_heard_of_it_hears_what_became_of_it() -> None:
    followers = Followers()
    assert route(followers, OPENED, "b") == ("b",)
    assert route(followers, UPDATED) == ()  # that can wait, or never come
    assert route(followers, ESCALATED) == ("b",)
    assert route(followers, UPDATED, "a") == ("a",)
    assert route(followers, CLOSED) == ("a", "b")
    assert route(followers, CLOSED) == ()  # it is over, and forgotten


def test_who_did_not_does_not() -> None:
    followers = Followers()
    assert route(followers, OPENED, "a") == ("a",)
    assert route(followers, opened(client=bytes([192, 0, 2, 9]))) == ()
    followers.forget(OPENED.incident.id)
    assert route(followers, CLOSED) == ()


def test_routing_once_more_what_is_on_record_finds_them_again() -> None:
    before, after = Followers(), Followers()
    for followers in (before, after):
        route(followers, OPENED, "a")
        route(followers, ESCALATED)
    assert route(before, CLOSED) == route(after, CLOSED) == ("a",)


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_THREADS", 3)
    followers = Followers()
    for number in range(9):
        route(followers, opened(client=bytes([192, 0, 2, number])), "a")
    assert len(followers._heard) == 3
