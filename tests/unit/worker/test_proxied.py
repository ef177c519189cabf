from __future__ import annotations

from collections import Counter

import pytest

from egret.decode.plain_hello import NO_ECH
from egret.model import Endpoint, Kind, NamedBy, Protocol, Transport
from egret.track.direction import ends_of, opposite
from egret.worker import proxied
from egret.worker.greetings import Greetings
from egret.worker.proxied import Proxied, may_ask
from tests.support.dialogues import connect, socks4, socks5

CLIENT, PROXY = b"\xc0\0\2\x0a", b"\xc0\0\2\x0b"
ENDS = ends_of(Endpoint(CLIENT, 40_000), Endpoint(PROXY, 3_128))


class Asked:
    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.passed: list[object] = []
        self.named: set[str] = {"chat.example"}
        greetings = Greetings(
            self.named.__contains__, lambda *_: False, lambda _: True, (), lambda *_: "unknown", self.counts
        )
        self.serves: set[bytes] = {PROXY}
        greetings.connects_again = lambda server, client: server in self.serves and client == CLIENT
        self.proxied = Proxied(greetings, lambda *passed: self.passed.append(passed))


@pytest.mark.parametrize(
    ("data", "worth"),
    [(connect("a.example"), True), (b"CONNECT a.example\r\n", False), (b"CAPA\r\n\r\n", False), (b"\5\1\0", True)],
)
def test_what_may_ask_for_a_tunnel(data: bytes, worth: bool) -> None:
    assert may_ask(data) == worth
    assert not may_ask(data[:1] + data[1:] * 1_460)


@pytest.mark.parametrize(
    ("data", "waits"),
    [
        (connect("a.example"), True),
        (connect("chat.example"), False),
        (connect("192.0.2.1"), False),
        (connect("a.example") + b"\x16", False),
        (b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", False),
        (socks5(b"a.example")[:3], True),
        (socks5(b"a.example"), True),
        (socks5(b"a.example", login=True, methods=b"\2"), True),
        (socks4(b"a.example"), True),
        (socks4(None), False),
        (socks5(b"chat.example"), False),
    ],
)
def test_what_is_known_to_nobody_may_be_held(data: bytes, waits: bool) -> None:
    asked = Asked()
    assert asked.proxied.waits(data, ENDS) == waits
    assert not asked.counts


def test_a_proxy_that_is_not_known_as_one_is_told() -> None:
    asked = Asked()
    asked.serves.clear()
    assert not asked.proxied.waits(connect("a.example"), ENDS)
    assert asked.proxied.waits(socks5(b"a.example")[:3], ENDS)


@pytest.mark.parametrize(
    ("request_", "protocol", "named_by"),
    [
        (connect("a.example"), Protocol.HTTP, NamedBy.HTTP),
        (socks5(b"a.example"), Protocol.SOCKS, NamedBy.SOCKS),
    ],
)
def test_a_tunnel_and_its_hello_are_counted(request_: bytes, protocol: Protocol, named_by: NamedBy) -> None:
    asked = Asked()
    tell = asked.proxied.is_told
    assert not tell(request_, b"chat.example", NO_ECH, ENDS, 5, 600, 1)
    assert not tell(socks5(b"a.example")[:3], b"a.example", NO_ECH, ENDS, 5, 600, 1)
    assert not asked.counts
    assert tell(request_, b"a.example", NO_ECH, ENDS, 5, 600, 1)
    assert asked.passed == [(hash(ENDS), hash(opposite(ENDS)), 5, 600)]
    assert asked.counts == {
        ("names", protocol, Kind.CONNECT): 1,
        ("names", Protocol.TLS, Kind.CLIENT_HELLO): 1,
        ("connections", Transport.TCP, named_by): 1,
    }


def test_what_was_asked_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxied, "MAX_KNOWN", 2)
    asked = Asked()
    assert all(asked.proxied.waits(connect(f"a{number}.example"), ENDS) for number in range(5))
    assert len(asked.proxied._known) <= 2
