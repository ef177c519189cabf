from __future__ import annotations

from collections import Counter

import pytest

from egret.model import Endpoint, Kind, NamedBy, Protocol, Transport
from egret.track.direction import ends_of
from egret.worker import greetings
from egret.worker.greetings import Greetings

INSIDE, OUTSIDE, RELAY = b"\xc0\x00\x02\x01", b"\xcb\x00\x71\x01", b"\xc0\x00\x02\x02"
RESOLVER = b"\xcb\x00\x71\x08"


def ends(client: bytes = INSIDE, server: bytes = OUTSIDE) -> bytes:
    return ends_of(Endpoint(client, 40000), Endpoint(server, 443))


class Asked:
    def __init__(self) -> None:
        self.names: list[str] = []
        self.flagged = {"chat.example"}
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.greetings = Greetings(
            self._named,
            lambda ip, port: (ip, port) == (RESOLVER, 443),
            lambda ip: ip in {INSIDE, RELAY},
            {RELAY},
            self.counts,
        )

    def _named(self, name: str) -> bool:
        self.names.append(name)
        return name in self.flagged


def test_a_hello_of_which_nothing_is_known_is_counted() -> None:
    asked = Asked()
    assert asked.greetings.take(b"www.example", ends())
    assert asked.greetings.take(b"www.example", ends())
    assert asked.names == ["www.example"]
    asked.greetings.settle()
    asked.greetings.settle()
    assert asked.counts == {
        ("names", Protocol.TLS, Kind.CLIENT_HELLO): 2,
        ("connections", Transport.TCP, NamedBy.HELLO): 2,
    }


def test_of_somebody_who_is_no_client_only_the_name_is_counted() -> None:
    asked = Asked()
    assert asked.greetings.take(b"www.example", ends(client=OUTSIDE, server=RESOLVER))
    asked.greetings.settle()
    assert asked.counts == {("names", Protocol.TLS, Kind.CLIENT_HELLO): 1}


def test_known_names_special_servers_and_watched_clients_are_told() -> None:
    asked = Asked()
    assert not asked.greetings.take(b"chat.example", ends())
    assert not asked.greetings.take(b"www.example", ends(server=RESOLVER))
    assert not asked.greetings.take(b"www.example", ends(client=RELAY))
    asked.greetings.settle()
    assert asked.counts == {}


def test_what_was_asked_is_forgotten_on_request() -> None:
    asked = Asked()
    assert asked.greetings.take(b"www.example", ends())
    asked.flagged = {"www.example"}
    assert asked.greetings.take(b"www.example", ends())
    asked.greetings.forget()
    assert not asked.greetings.take(b"www.example", ends())


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greetings, "MAX_KNOWN", 3)
    asked = Asked()
    for number in range(10):
        assert asked.greetings.take(b"w%d.example" % number, ends())
    assert len(asked.greetings.hosts) <= 3
