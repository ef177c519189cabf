from __future__ import annotations

from ipaddress import ip_address

import pytest

from egret.judge.identity import unknown_client
from egret.judge.selectors import Selector
from egret.model import IdentitySource
from egret.value import replace

MEMBERS = Selector(["192.0.2.0/28", "2001:db8::/64", "198.51.100.9/32", "02:00:5e:10:00:01", "printer"])


@pytest.mark.parametrize(
    ("address", "covered"),
    [
        ("192.0.2.15", True),
        ("192.0.2.16", False),
        ("2001:db8::ffff", True),
        ("2001:db8:1::", False),
        ("198.51.100.9", True),
        ("::c000:205", False),  # the number of an IPv4 member, as IPv6
    ],
)
def test_networks_hold_addresses_of_their_family(address: str, covered: bool) -> None:
    ip = ip_address(address).packed
    assert MEMBERS.covers(ip) is covered
    assert MEMBERS.matches(unknown_client(ip)) is covered


def test_a_name_counts_only_where_the_operator_gave_it() -> None:
    client = replace(unknown_client(ip_address("203.0.113.1").packed), name="printer")
    assert MEMBERS.matches(replace(client, source=IdentitySource.STATIC))
    assert not MEMBERS.matches(replace(client, source=IdentitySource.LEASE))


def test_a_hardware_address_is_a_member() -> None:
    client = unknown_client(ip_address("203.0.113.1").packed)
    assert MEMBERS.matches(replace(client, mac="02:00:5e:10:00:01"))
    assert not MEMBERS.matches(replace(client, mac="02:00:5e:10:00:02"))
    assert not Selector([]).matches(client)
