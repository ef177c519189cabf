from __future__ import annotations

import ipaddress

import pytest

from egret.catalog.networks import NetworkIndex
from tests.support.catalog import signature

INDEX = NetworkIndex(
    [
        signature("wide", networks=("192.0.2.0/24", "2001:db8::/32")),
        signature("dns", networks=("192.0.2.53/32", "2001:db8::53/128"), ports=(443, 853)),
        signature("late", networks=("192.0.2.53/32",), ports=(443, 80)),
    ]
)


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [
        ("192.0.2.53", 443, "dns"),
        ("192.0.2.53", None, "dns"),
        ("192.0.2.53", 80, "late"),
        ("192.0.2.53", 22, "wide"),
        ("192.0.2.54", 853, "wide"),
        ("192.0.3.53", 443, None),
        ("2001:db8::53", 853, "dns"),
        ("2001:db8:ffff::1", 1, "wide"),
        ("2001:db9::53", 853, None),
    ],
)
def test_the_longest_network_whose_ports_agree_decides(address: str, port: int | None, expected: str | None) -> None:
    match = INDEX.find(ipaddress.ip_address(address).packed, port)
    assert (match.signature.id if match else None) == expected


def test_what_is_no_address_matches_nothing() -> None:
    assert INDEX.find(b"", 443) is None
    assert INDEX.find(b"\0" * 5, 443) is None


def test_the_network_that_decided_is_told() -> None:
    match = INDEX.find(bytes([192, 0, 2, 53]), 443)
    assert match is not None
    assert (match.pattern, match.region) == ("192.0.2.53/32", None)
