from __future__ import annotations

from collections import Counter

import pytest

from egret.decode.plain_hello import NO_ECH
from egret.model import Endpoint, Kind, NamedBy, Nameless, Protocol, Transport
from egret.track.direction import ends_of
from egret.track.ech import GREASE, REAL, UNKNOWN
from egret.worker import greetings, requested
from egret.worker.greetings import Greetings
from tests.support.hello import client_hello, records

INSIDE, OUTSIDE, RELAY = b"\xc0\x00\x02\x01", b"\xcb\x00\x71\x01", b"\xc0\x00\x02\x02"
RESOLVER = b"\xcb\x00\x71\x08"


def ends(client: bytes = INSIDE, server: bytes = OUTSIDE) -> bytes:
    return ends_of(Endpoint(client, 40000), Endpoint(server, 443))


class Asked:
    def __init__(self) -> None:
        self.names: list[str] = []
        self.judged: list[object] = []
        self.flagged = {"chat.example"}
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.greetings = Greetings(
            self._named,
            lambda ip, port: (ip, port) == (RESOLVER, 443),
            lambda ip: ip in {INSIDE, RELAY},
            {RELAY},
            self._judge,
            self.counts,
        )

    def _judge(self, *asked: object) -> str:
        self.judged.append(asked)
        return {7: REAL, 8: GREASE}.get(int(str(asked[1])), UNKNOWN)

    def _named(self, name: str) -> bool:
        self.names.append(name)
        return name in self.flagged


def test_a_hello_of_which_nothing_is_known_is_counted() -> None:
    asked = Asked()
    assert asked.greetings.take(b"www.example", NO_ECH, ends(), 1)
    assert asked.greetings.take(b"www.example", NO_ECH, ends(), 1)
    assert asked.names == ["www.example"]
    asked.greetings.settle()
    asked.greetings.settle()
    assert asked.counts == {
        ("names", Protocol.TLS, Kind.CLIENT_HELLO): 2,
        ("connections", Transport.TCP, NamedBy.HELLO): 2,
    }


def test_of_somebody_who_is_no_client_only_the_name_is_counted() -> None:
    asked = Asked()
    assert asked.greetings.take(b"www.example", NO_ECH, ends(client=OUTSIDE, server=RESOLVER), 1)
    asked.greetings.settle()
    assert asked.counts == {("names", Protocol.TLS, Kind.CLIENT_HELLO): 1}


def test_known_names_special_servers_and_watched_clients_are_told() -> None:
    asked = Asked()
    assert not asked.greetings.take(b"chat.example", NO_ECH, ends(), 1)
    assert not asked.greetings.take(b"www.example", NO_ECH, ends(server=RESOLVER), 1)
    assert not asked.greetings.take(b"www.example", NO_ECH, ends(client=RELAY), 1)
    asked.greetings.settle()
    assert asked.counts == {}


def test_what_was_asked_is_forgotten_on_request() -> None:
    asked = Asked()
    assert asked.greetings.take(b"www.example", NO_ECH, ends(), 1)
    asked.flagged = {"www.example"}
    assert asked.greetings.take(b"www.example", NO_ECH, ends(), 1)
    asked.greetings.forget()
    assert not asked.greetings.take(b"www.example", NO_ECH, ends(), 1)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (greetings, requested):
        monkeypatch.setattr(module, "MAX_KNOWN", 3)
    asked = Asked()
    for number in range(10):
        assert asked.greetings.take(b"w%d.example" % number, NO_ECH, ends(), 1)
    assert len(asked.greetings.hosts) <= 3


def test_an_encrypted_hello_is_judged_and_told_where_it_is_real() -> None:
    asked = Asked()
    assert not asked.greetings.take(b"www.example", 7, ends(), 5)
    assert asked.greetings.take(b"www.example", 8, ends(), 5)
    assert asked.greetings.take(b"www.example", 9, ends(), 5)
    assert asked.greetings.take(b"www.example", 9, ends(client=OUTSIDE), 5)
    assert asked.judged[0] == ("www.example", 7, INSIDE, OUTSIDE, 5)
    asked.greetings.settle()
    assert asked.counts == {
        ("names", Protocol.TLS, Kind.CLIENT_HELLO): 3,
        ("connections", Transport.TCP, NamedBy.HELLO): 2,
        ("ech", GREASE): 1,
        ("ech", UNKNOWN): 1,
    }


def test_hellos_in_quic_are_counted_apart() -> None:
    asked = Asked()
    assert asked.greetings.take_quic(records(client_hello(b"www.example.org")), ends(), 1)
    assert not asked.greetings.take_quic(records(client_hello(b"chat.example")), ends(), 1)
    assert not asked.greetings.take_quic(records(client_hello(None)), ends(), 1)
    asked.greetings.settle()
    asked.greetings.settle()
    assert asked.counts == {
        ("names", Protocol.QUIC, Kind.CLIENT_HELLO): 1,
        ("connections", Transport.UDP, NamedBy.HELLO): 1,
    }


def test_a_connection_without_a_name_is_counted_where_nothing_else_is_known_of_it() -> None:
    asked = Asked()
    take = asked.greetings.take_nameless
    assert take(ends(), Nameless.NO_PAYLOAD)
    assert take(ends(OUTSIDE), Nameless.NO_PAYLOAD)
    assert not take(ends(RELAY), Nameless.NO_PAYLOAD)
    assert not take(ends(server=RESOLVER), Nameless.NO_PAYLOAD)
    assert asked.counts == {
        ("connections", Transport.TCP, NamedBy.NOTHING): 1,
        ("nameless", Nameless.NO_PAYLOAD): 1,
    }
