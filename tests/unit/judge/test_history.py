from __future__ import annotations

import pytest

from egret.judge import history
from egret.judge.history import History, Use
from egret.judge.score import Context

DAY = 100


def use(client: str, at: int, signature: str = "a.chat") -> Use:
    return Use(signature, client, at)


def test_the_first_use_is_new_here_and_later_ones_are_known() -> None:
    past = History()
    assert past.open(use("a", 0), DAY) == Context(first_in_network=True, first_by_client=True, clients=1)
    assert past.open(use("a", 10), DAY) == Context(clients=1)
    assert past.open(use("b", 20), DAY) == Context(first_by_client=True, clients=2)
    assert past.open(use("b", 20, "b.chat"), DAY).first_in_network


def test_what_is_older_than_the_window_is_new_again() -> None:
    past = History()
    past.open(use("a", 0), DAY)
    assert not past.open(use("a", 100), DAY).first_in_network
    assert past.open(use("a", 201), DAY).first_in_network


def test_a_clock_that_steps_back_makes_nothing_new() -> None:
    past = History()
    past.open(use("a", 1_000), DAY)
    assert past.open(use("a", 5), DAY) == Context(clients=1)
    assert past.open(use("a", 1_050), DAY) == Context(clients=1)


def test_the_store_is_recalled_in_any_order() -> None:
    past = History()
    past.recall([use("b", 50), use("a", 20)])
    assert past.open(use("c", 60), DAY, server=True) == Context(first_by_client=True, clients=3, server=True)


def test_a_client_is_forgotten() -> None:
    past = History()
    past.recall([use("a", 1)])
    past.forget("a")
    assert past.open(use("a", 2), DAY).first_in_network


def test_after_a_purge_only_what_is_left_is_known() -> None:
    past = History()
    past.recall([use("a", 1), use("b", 1)])
    past.recall([use("b", 1)], afresh=True)
    assert past.open(use("c", 2), DAY) == Context(first_by_client=True, clients=2)


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_CLIENTS", 3)
    monkeypatch.setattr(history, "MAX_SERVICES", 2)
    past = History()
    past.recall(use(str(number), number) for number in range(10))
    assert past.open(use("9", 11), DAY).clients == 3
    past.recall([use("x", 20, "b"), use("x", 21, "c")])
    assert past.open(use("9", 22), DAY).first_in_network
