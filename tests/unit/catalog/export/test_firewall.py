from __future__ import annotations

from egret.catalog.export.firewall import nftables
from egret.catalog.export.selection import Wanted
from egret.model import ServiceClass
from tests.support.catalog import signature
from tests.support.exports import selection

RESOLVERS = Wanted(classes={ServiceClass.RESOLVER})


def test_networks_with_and_without_ports() -> None:
    with_ports = signature("a.b", networks=("192.0.2.1/32",), ports=(853, 443), service_class=ServiceClass.RESOLVER)
    plain = signature("a.c", networks=("2001:db8::/32",), service_class=ServiceClass.RESOLVER)
    text = nftables(selection(with_ports, plain, wanted=RESOLVERS)).text
    assert "elements = { 192.0.2.1/32 . 443, 192.0.2.1/32 . 853 }" in text
    assert "elements = { 2001:db8::/32 }" in text


def test_names_are_left_to_a_resolver() -> None:
    made = nftables(selection(signature("a.b", "exact:a.example")))
    assert made.left_out == ("host exact a.example",)
    assert "a.example" not in made.text
