from __future__ import annotations

import random

import pytest

from egret.judge import relays as module
from egret.judge.relays import ECHO_NS, MARK_AGAIN_NS, SIGNS, Relays
from egret.model import Endpoint, Kind, Observation, Protocol, Role
from egret.value import replace
from tests.support.alerts import CLIENT, SECOND_NS, SERVER, START_NS
from tests.support.pipeline import seen

RELAY, OTHER, UPSTREAM = bytes([192, 0, 2, 53]), bytes([192, 0, 2, 8]), bytes([198, 51, 100, 53])


def inside(ip: bytes) -> bool:
    return ip[:3] == CLIENT[:3]


def event(
    client: bytes, server: bytes, kind: Kind = Kind.QUERY, protocol: Protocol = Protocol.DNS, at_s: float = 0.0
) -> Observation:
    found = seen("chat.example", kind=kind, protocol=protocol, at_s=at_s, client=client)
    return replace(found, server=Endpoint(server, 53))


def resolved(watch: Relays, at_s: float = 0.0) -> None:
    """A client asks the relay, which asks and answers."""
    watch.see(event(CLIENT, RELAY, at_s=at_s))
    watch.see(event(RELAY, UPSTREAM, at_s=at_s + 0.1))
    watch.see(event(RELAY, UPSTREAM, Kind.ANSWER, at_s=at_s + 0.2))
    watch.see(event(CLIENT, RELAY, Kind.ANSWER, at_s=at_s + 0.3))


def test_who_answers_others_and_asks_itself_is_a_resolver() -> None:
    watch = Relays(inside)
    resolved(watch)
    assert watch.take_marks() == []
    resolved(watch, 1)
    assert watch.take_marks() == [(RELAY, Role.RESOLVER, START_NS + round(1.1 * SECOND_NS))]
    assert watch.take_marks() == []


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.SOCKS])
def test_who_connects_for_others_is_a_proxy(protocol: Protocol) -> None:
    watch = Relays(inside)
    watch.see(event(CLIENT, RELAY, Kind.CONNECT, protocol))
    watch.see(event(RELAY, SERVER, Kind.CLIENT_HELLO, Protocol.TLS))
    assert [mark[:2] for mark in watch.take_marks()] == [(RELAY, Role.PROXY)]


def test_an_ordinary_client_a_server_and_a_local_name_server_are_none() -> None:
    watch = Relays(inside)
    watch.see(event(CLIENT, UPSTREAM))
    watch.see(event(CLIENT, UPSTREAM, Kind.ANSWER))  # the server is outside
    watch.see(event(CLIENT, RELAY, Kind.ANSWER))  # it answers, and asks nobody
    watch.see(event(CLIENT, RELAY, Kind.REQUEST, Protocol.HTTP))  # a web server
    watch.see(event(RELAY, RELAY, Kind.QUERY))  # it asks itself
    watch.see(event(RELAY, SERVER, Kind.CLIENT_HELLO, Protocol.TLS))  # a name server may fetch updates
    assert watch.take_marks() == []


def test_a_mark_is_made_again_when_it_is_old_and_when_the_clock_steps_back() -> None:
    watch = Relays(inside)
    resolved(watch)
    for at_s in (1.0, 2.0, 2.0 + MARK_AGAIN_NS / SECOND_NS, -5.0):
        resolved(watch, at_s)
    assert len(watch.take_marks()) == 3


def test_what_was_asked_for_another_is_an_echo_and_what_was_not_is_none() -> None:
    watch = Relays(inside)
    assert not watch.is_echo(event(CLIENT, RELAY), "example.chat")
    assert watch.is_echo(event(RELAY, UPSTREAM, at_s=1), "example.chat")
    assert not watch.is_echo(event(RELAY, UPSTREAM, at_s=1), "example.other")
    assert not watch.is_echo(event(OTHER, UPSTREAM, at_s=1), "example.chat")
    assert not watch.is_echo(event(RELAY, UPSTREAM, at_s=1 + ECHO_NS / SECOND_NS), "example.chat")
    assert not watch.is_echo(event(RELAY, UPSTREAM, at_s=-1), "example.chat")


def test_a_question_excuses_no_connection_and_a_connection_excuses_both() -> None:
    watch = Relays(inside)
    watch.is_echo(event(CLIENT, RELAY), "example.chat")
    assert not watch.is_echo(event(RELAY, SERVER, Kind.CLIENT_HELLO, Protocol.TLS, 1), "example.chat")
    watch.is_echo(event(CLIENT, OTHER, Kind.CONNECT, Protocol.HTTP), "example.chat")
    assert watch.is_echo(event(OTHER, UPSTREAM, at_s=1), "example.chat")
    assert watch.is_echo(event(OTHER, SERVER, Kind.CLIENT_HELLO, Protocol.TLS, 1), "example.chat")


def test_relays_behind_each_other_are_echoes_all() -> None:
    watch = Relays(inside)
    assert not watch.is_echo(event(CLIENT, OTHER), "example.chat")
    assert watch.is_echo(event(OTHER, RELAY, at_s=0.1), "example.chat")
    assert watch.is_echo(event(RELAY, UPSTREAM, at_s=0.2), "example.chat")


def test_tables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SERVERS", 2)
    monkeypatch.setattr(module, "MAX_ASKED", 2)
    watch = Relays(inside)
    for number in range(10, 20):
        watch.see(event(CLIENT, bytes([192, 0, 2, number]), Kind.ANSWER))
        watch.is_echo(event(CLIENT, bytes([192, 0, 2, number])), "example.chat")
    assert (len(watch._servers), len(watch._asked)) == (2, 2)


def test_every_role_that_can_be_seen_has_its_words() -> None:
    assert set(SIGNS) == {Role.RESOLVER, Role.PROXY}


def test_another_connect_to_a_proxy_is_nothing_new() -> None:
    watch = Relays(inside)
    assert watch.connects_again(UPSTREAM, CLIENT)
    assert watch.connects_again(CLIENT, CLIENT)
    assert not watch.connects_again(RELAY, CLIENT)
    resolved(watch)
    assert not watch.connects_again(RELAY, CLIENT)
    watch.see(event(CLIENT, RELAY, Kind.CONNECT, Protocol.HTTP))
    watch.see(event(CLIENT, OTHER, Kind.CONNECT, Protocol.HTTP))
    assert watch.connects_again(RELAY, CLIENT)
    assert list(watch.watched) == [OTHER, RELAY]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_overheard_is_as_good_as_seen(seed: int) -> None:
    chance, whole, overhearing = random.Random(seed), Relays(inside), Relays(inside)
    ends, kinds = (CLIENT, RELAY, OTHER, UPSTREAM), (Kind.QUERY, Kind.ANSWER)
    overheard = 0
    for number in range(200):
        told = event(chance.choice(ends), chance.choice(ends), chance.choice(kinds), at_s=number)
        whole.see(told)
        if overhearing.overhear(told.client.ip, told.server.ip, answer=told.kind is Kind.ANSWER):
            overheard += 1
        else:
            overhearing.see(told)
        assert overhearing.take_marks() == whole.take_marks()
        assert list(overhearing.watched) == list(whole.watched)
    assert overheard > 40
