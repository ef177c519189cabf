from __future__ import annotations

import pytest

from egret.alerts.suppress import Suppression, SuppressList
from tests.support.alerts import START_NS, hello

V6 = bytes.fromhex("20010db8000000000000000000000007")


@pytest.mark.parametrize(
    "entry",
    [
        Suppression(),
        Suppression(client="192.0.2.7"),
        Suppression(client="192.0.2.0/24"),
        Suppression(client="192.0.2.9/24"),
        Suppression(client="0.0.0.0/0"),
        Suppression(service="example.chat"),
        Suppression(service="EXAMPLE CHAT"),
        Suppression(service="example"),
        Suppression(client="192.0.2.7", service="Example", until_ns=START_NS + 1, reason="agreed"),
    ],
)
def test_what_an_entry_covers(entry: Suppression) -> None:
    assert SuppressList([entry]).matches(hello())


@pytest.mark.parametrize(
    "entry",
    [
        Suppression(client="192.0.2.8"),
        Suppression(client="192.0.3.0/24"),
        Suppression(client="2001:db8::/32"),
        Suppression(client="::/0"),
        Suppression(service="example.chatter"),
        Suppression(service=""),
        Suppression(client="192.0.2.8", service="Example"),
        Suppression(client="192.0.2.7", service="Other"),
    ],
)
def test_what_it_does_not_cover(entry: Suppression) -> None:
    assert not SuppressList([entry]).matches(hello())


def test_an_expired_entry_falls_back() -> None:
    entries = SuppressList([Suppression(until_ns=START_NS + 10)])
    assert entries.matches(hello())
    assert not entries.matches(hello(1))


def test_ipv6_clients() -> None:
    assert SuppressList([Suppression(client="2001:db8::/64")]).matches(hello(client=V6))
    assert not SuppressList([Suppression(client="2001:db8:1::/64")]).matches(hello(client=V6))


def test_a_client_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="laptop"):
        SuppressList([Suppression(client="laptop")])


def test_an_empty_list_covers_nothing() -> None:
    assert not SuppressList().matches(hello())
