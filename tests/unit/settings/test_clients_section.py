from __future__ import annotations

import pytest

from egret.errors import ConfigErrors
from egret.model import Role
from egret.settings.clients_section import Clients
from egret.settings.config import read_config
from egret.settings.positions import parse

GOOD = """
clients:
  static:
    - {address: 192.0.2.7, name: printer, groups: [office]}
    - {mac: "02-00-5E-10-00-01", name: laptop 7}
    - {subnet: 192.0.2.128/25, groups: [servers], role: server}
  groups:
    lab: [198.51.100.0/24, "2001:db8:1::/48", "02:00:5e:10:00:02", printer]
  roles:
    resolver: [192.0.2.53]
  leases:
    - {path: /var/lib/misc/dnsmasq.leases}
  refresh: 1m
"""


def clients(text: str) -> Clients:
    return read_config(parse(text.encode(), "t.yaml")).clients


def error(text: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        clients(text)
    return str(caught.value)


def test_each_kind_of_name_and_member_is_read_into_its_one_spelling() -> None:
    section = clients(GOOD)
    assert section.static[0].address == "192.0.2.7"
    assert section.static[1].mac == "02:00:5e:10:00:01"
    assert section.static[2].role is Role.SERVER
    assert section.groups["lab"] == ("198.51.100.0/24", "2001:db8:1::/48", "02:00:5e:10:00:02", "printer")
    assert section.roles.resolver == ("192.0.2.53/32",)
    assert section.leases[0].format == "auto"
    assert section.group_names == {"office", "servers", "lab"}


def test_nothing_needs_to_be_said() -> None:
    section = clients("")
    assert not section.static
    assert not section.group_names
    assert section.discover
    assert section.neighbours


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{static: [{name: x}]}", "exactly one of address, mac and subnet"),
        ("{static: [{address: 192.0.2.1, subnet: 192.0.2.0/24, name: x}]}", "exactly one of address, mac and subnet"),
        ("{static: [{address: 192.0.2.1}]}", "says nothing"),
        ("{static: [{address: 192.0.2.0/24, name: x}]}", "is no address"),
        ("{static: [{mac: '02:00', name: x}]}", "is no hardware address"),
        ("{static: [{address: 192.0.2.1, name: '<b>'}]}", "is no name of a client"),
        ("{static: [{address: 192.0.2.1, name: x, role: router}]}", "resolver"),
        ("{groups: {office: [printerx]}, static: [{address: 192.0.2.1, name: printer}]}", "did you mean 'printer'?"),
        ("{roles: {nat: [nobody]}}", "clients.roles.nat: no static client is called 'nobody'"),
        ("{groups: {office: [192.0.2.1/24]}}", "did you mean 192.0.2.0/24?"),
        ("{leases: [{path: /x, format: windows}]}", "dnsmasq"),
        (
            "{static: [{mac: '02-00-5E-10-00-01', name: a}, {mac: '02:00:5e:10:00:01', name: b}]}",
            "'a' and 'b'; keep one",
        ),
        ("{refresh: 1ms}", "clients.refresh"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_remedy(text: str, said: str) -> None:
    assert said in error(f"clients: {text}")
