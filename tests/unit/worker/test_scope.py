from __future__ import annotations

from ipaddress import ip_address

import pytest

from egret.worker.scope import PRIVATE, Scope


def packed(text: str) -> bytes:
    return ip_address(text).packed


@pytest.mark.parametrize(
    ("text", "client"),
    [("10.1.2.3", True), ("192.0.2.1", False), ("fd00::1", True), ("2001:db8::1", False), ("10.0.0.53", False)],
)
def test_clients_are_inside_and_no_relays(text: str, client: bool) -> None:
    scope = Scope(PRIVATE, relays=["10.0.0.53/32"])
    assert scope.is_client(packed(text)) is client
    assert scope.is_client(packed(text)) is client


def test_without_networks_everybody_is_a_client() -> None:
    assert Scope().is_client(packed("203.0.113.9"))


def test_spoofed_sources_do_not_grow_it() -> None:
    scope = Scope(PRIVATE)
    for number in range(70_000):
        scope.is_client(number.to_bytes(4))
    assert len(scope._cache) <= 65_536
