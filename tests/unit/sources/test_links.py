from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from egret.sources import links, netlink
from egret.sources.links import Route


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def link(index: int, name: str, flags: int, *attributes: bytes, hardware: int = 1) -> bytes:
    return (
        struct.pack("=BxHiII", 0, hardware, index, flags, 0)
        + attribute(3, name.encode() + b"\0")
        + b"".join(attributes)
    )


def address(index: int, text: str, kind: int = 2) -> bytes:
    interface = ipaddress.ip_interface(text)
    family = 2 if interface.version == 4 else 10
    header = struct.pack("=BBBBi", family, interface.network.prefixlen, 0, 0, index)
    return header + attribute(kind, interface.ip.packed)


def route(text: str, *attributes: bytes, family: int = 2, table: int = 254, kind: int = 1) -> bytes:
    network = ipaddress.ip_network(text)
    header = struct.pack("=BBBBBBBBI", family, network.prefixlen, 0, 0, table, 3, 0, kind, 0)
    destination = attribute(1, network.network_address.packed) if network.prefixlen else b""
    return header + destination + b"".join(attributes)


UP, LOOPBACK = 0x41, 0x49
PORT = attribute(10, number(4))
VLAN = attribute(18, attribute(1, b"vlan\0")) + attribute(5, number(2))
ANSWERS = {
    netlink.GET_LINK: [
        link(1, "lo", LOOPBACK, hardware=772),
        link(2, "eth0", UP, PORT),
        link(3, "eth0.7", 0x1, VLAN),
        link(5, "veth1", UP, attribute(5, number(2)), attribute(37, number(0))),
    ],
    netlink.GET_ADDRESS: [
        address(1, "127.0.0.1/8"),
        address(2, "192.0.2.1/24"),
        address(2, "2001:db8::1/64", kind=1),
        address(2, "fe80::1/64", kind=1),
        struct.pack("=BBBBi", 99, 0, 0, 0, 2),
    ],
    netlink.GET_ROUTE: [
        route("0.0.0.0/0", attribute(4, number(2)), attribute(6, number(100))),
        route("198.51.100.0/24", attribute(4, number(3)), attribute(15, number(254))),
        route("203.0.113.0/24", attribute(4, number(3)), table=255),
        route("203.0.113.0/24", kind=7),
        route("::/0", attribute(9, struct.pack("=HxxI", 8, 2) + struct.pack("=HxxI", 8, 3)), family=10),
        route("::/0", attribute(9, struct.pack("=HxxI", 0, 2)), family=10),
    ],
}


@pytest.fixture(autouse=True)
def _kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    def dump(message_type: int, _fixed: bytes) -> Iterator[bytes]:
        return iter(ANSWERS[message_type])

    monkeypatch.setattr(netlink, "dump", dump)


def test_links_with_their_addresses() -> None:
    lo, eth0, vlan, veth = links.read_links()
    assert (lo.loopback, lo.hardware, lo.up) == (True, 772, True)
    assert (eth0.name, eth0.index, eth0.master, eth0.parent) == ("eth0", 2, 4, None)
    assert [str(each) for each in eth0.addresses] == ["192.0.2.1/24", "2001:db8::1/64"]
    assert (vlan.kind, vlan.parent, vlan.up) == ("vlan", 2, False)
    assert veth.parent is None


def test_routes_of_the_main_table() -> None:
    every = ipaddress.ip_network
    assert links.read_routes() == (
        Route(every("0.0.0.0/0"), 2, 100),
        Route(every("198.51.100.0/24"), 3, 0),
        Route(every("::/0"), 2, 0),
        Route(every("::/0"), 3, 0),
        Route(every("::/0"), 2, 0),
    )
    assert [each.is_default for each in links.read_routes()] == [True, False, True, True, True]


def test_the_whole_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path, **_: "1\n" if "ipv6" in str(path) else "0\n")
    host = links.read_host()
    assert host.forwards
    assert host.link("eth0") == links.read_links()[1]
    assert host.link("eth9") is None


def test_a_host_without_the_switches_does_not_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_path: Path, **_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert not links.forwards()
