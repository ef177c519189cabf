from __future__ import annotations

import ipaddress

import pytest

from egret.errors import SourceError
from egret.sources import placement
from egret.sources.links import Host, Link, Route
from egret.sources.placement import choose

LO = Link(name="lo", index=1, hardware=772, loopback=True, addresses=(ipaddress.ip_interface("127.0.0.1/8"),))


def link(name: str, index: int, *addresses: str, **fields: object) -> Link:
    interfaces = tuple(ipaddress.ip_interface(address) for address in addresses)
    return Link(name=name, index=index, addresses=interfaces, **fields)  # type: ignore[arg-type]


def route(destination: str, index: int, metric: int = 0) -> Route:
    return Route(ipaddress.ip_network(destination), index, metric)


WAN = link("wan", 2, "198.51.100.9/24")
LAN = link("lan", 3, "192.168.1.1/24", "2001:db8::1/64")
DEFAULT = route("0.0.0.0/0", 2)


def gateway(*links: Link, routes: tuple[Route, ...] = (DEFAULT,)) -> Host:
    return Host(links=(LO, *links), routes=routes, forwards=True)


def test_a_gateway_is_watched_from_inside() -> None:
    chosen = choose(host=gateway(WAN, LAN))
    assert chosen.interfaces == ("lan",)
    assert chosen.why == ("lan: an inside interface; this host forwards and the default route leaves by wan",)
    assert chosen.inside_networks == ("192.168.1.0/24", "2001:db8::/64")
    assert chosen.promiscuous == set()


def test_networks_behind_an_inside_router_are_inside() -> None:
    routes = (DEFAULT, route("10.9.0.0/16", 3), route("ff00::/8", 3), route("203.0.113.0/24", 2))
    chosen = choose(host=gateway(WAN, LAN, routes=routes))
    assert chosen.inside_networks == ("192.168.1.0/24", "2001:db8::/64", "10.9.0.0/16")


def test_an_ordinary_host_is_watched_where_its_traffic_leaves() -> None:
    host = Host(
        links=(LO, WAN, LAN), routes=(route("0.0.0.0/0", 9, 1), DEFAULT._replace(metric=50), route("::/0", 3, 90))
    )
    chosen = choose(host=host)
    assert chosen.interfaces == ("wan",)
    assert "does not forward" in chosen.why[0]
    assert chosen.promiscuous == {"wan"}
    assert chosen.inside_networks == ("198.51.100.0/24",)


@pytest.mark.parametrize("name", ["docker0", "br-0123456789ab", "virbr0", "podman1"])
def test_a_host_with_guests_is_no_gateway(name: str) -> None:
    chosen = choose(host=gateway(WAN, link(name, 5, "172.17.0.1/16", kind="bridge")))
    assert chosen.interfaces == ("wan",)
    assert "no inside interface" in chosen.why[0]


def test_a_bridge_is_watched_and_its_ports_are_not() -> None:
    bridge = link("br0", 4, "192.168.1.1/24", kind="bridge")
    ports = [link("eth1", 5, master=4), link("eth2", 6, "192.168.1.2/24", master=4)]
    assert choose(host=gateway(WAN, bridge, *ports)).interfaces == ("br0",)


def test_a_vlan_is_watched_on_its_parent_where_that_is_inside_too() -> None:
    vlan = link("lan.7", 7, "192.168.7.1/24", kind="vlan", parent=3)
    chosen = choose(host=gateway(WAN, LAN, vlan))
    assert chosen.interfaces == ("lan",)
    assert chosen.why[1] == "lan.7: not watched, its frames pass lan as well"
    bare = link("trunk", 3)
    assert choose(host=gateway(WAN, bare, vlan)).interfaces == ("lan.7",)


def test_what_is_down_or_nameless_is_left_out() -> None:
    links = [link("down", 4, "10.0.0.1/8", up=False), link("bare", 5)]
    assert choose(host=gateway(WAN, LAN, *links)).interfaces == ("lan",)


def test_a_gateway_without_default_route() -> None:
    assert choose(host=gateway(WAN, LAN, routes=())).interfaces == ("lan",)
    other = link("dmz", 4, "203.0.113.1/24")
    chosen = choose(host=gateway(WAN, other, routes=()))
    assert chosen.interfaces == ("wan", "dmz")
    assert "no default route" in chosen.why[0]


def test_no_route_at_all() -> None:
    span = link("span", 4)
    chosen = choose(host=Host(links=(LO, span, link("port", 5, master=9))))
    assert chosen.interfaces == ("span",)
    assert chosen.promiscuous == {"span"}
    assert "10.0.0.0/8" in chosen.inside_networks


def test_nothing_to_watch() -> None:
    with pytest.raises(SourceError, match="none is up; this machine has lo; name one with -i"):
        choose(host=Host(links=(LO,)))


def test_what_the_operator_names_is_watched_once_in_order() -> None:
    down = link("off", 4, up=False)
    chosen = choose(["off", "lan", "off"], "off", gateway(WAN, LAN, down))
    assert chosen.interfaces == ("off", "lan")
    assert chosen.why == ("off: as asked; it is down now", "lan: as asked")
    assert chosen.promiscuous == set()


def test_promiscuous_by_hand_and_by_itself() -> None:
    span, tun = link("span", 4), link("tun0", 5, "10.8.0.1/24", hardware=0xFFFE)
    host = gateway(WAN, LAN, span, tun)
    assert choose(["span", "lan", "tun0"], "auto", host).promiscuous == {"span"}
    assert choose(["lan"], "on", host).promiscuous == {"lan"}


def test_a_missing_interface_is_named_with_those_there_are() -> None:
    with pytest.raises(SourceError, match=r"no interface named eth\\x1b9; this machine has lo, wan, lan"):
        choose(["eth\x1b9", "lan"], host=gateway(WAN, LAN))


def test_no_answer_from_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Host:
        raise OSError(1, "not permitted")

    monkeypatch.setattr(placement, "read_host", fail)
    with pytest.raises(SourceError, match="cannot list the interfaces: not permitted"):
        choose()
