"""What this host is in the network: its interfaces, their addresses, its routes, whether it forwards."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from egret.sources import netlink

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_LINK, _ADDRESS, _ROUTE = struct.Struct("=BxHiII"), struct.Struct("=BBBBi"), struct.Struct("=BBBBBBBBI")
_IFLA_NAME, _IFLA_PARENT, _IFLA_MASTER, _IFLA_INFO, _IFLA_PARENT_NETNS = 3, 5, 10, 18, 37
_INFO_KIND = 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DESTINATION, _RTA_INTERFACE, _RTA_METRIC, _RTA_MULTIPATH, _RTA_TABLE = 1, 4, 6, 9, 15
_MAIN_TABLE, _UNICAST = 254, 1
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING = 0x1, 0x8, 0x40
_FAMILIES = {2: 4, 10: 6}  # AF_INET, AF_INET6


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One interface."""

    name: str
    index: int
    hardware: int = 1  # ARPHRD_ value
    up: bool = True  # switched on, with carrier
    loopback: bool = False
    kind: str = ""  # "bridge", "vlan", "veth", "wireguard" ...; empty: hardware
    master: int | None = None  # index of the bridge or bond it is a port of
    parent: int | None = None  # index of the interface below, for VLANs and the like
    addresses: tuple[Interface, ...] = ()  # without link-local ones


class Route(NamedTuple):
    """One unicast route of the main table."""

    destination: Network
    link_index: int  # of the interface it leads out of
    metric: int

    @property
    def is_default(self) -> bool:
        """Whether it leads to everything else."""
        return self.destination.prefixlen == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What placement is decided on."""

    links: tuple[Link, ...]
    routes: tuple[Route, ...] = ()
    forwards: bool = False

    def link(self, name: str) -> Link | None:
        """The interface called *name*."""
        return next((link for link in self.links if link.name == name), None)


def read_host() -> Host:
    """Read it all from the kernel.

    Raises:
        OSError: rtnetlink does not answer.
    """
    return Host(links=read_links(), routes=read_routes(), forwards=forwards())


def read_links() -> tuple[Link, ...]:
    """Every interface with its addresses, in the kernel's order."""
    addresses = _addresses()
    found = [_link(body) for body in netlink.dump(netlink.GET_LINK, bytes(_LINK.size))]
    return tuple(replace(link, addresses=tuple(addresses.get(link.index, ()))) for link in found)


def _link(body: bytes) -> Link:
    _family, hardware, index, flags, _change = _LINK.unpack_from(body)
    attributes = netlink.attributes(body, _LINK.size)
    info = netlink.attributes(attributes.get(_IFLA_INFO, b""), 0)
    foreign = _IFLA_PARENT_NETNS in attributes  # the index counts in another namespace: the far end of a veth
    return Link(
        name=_text(attributes.get(_IFLA_NAME, b"")),
        index=index,
        hardware=hardware,
        up=flags & (_IFF_UP | _IFF_RUNNING) == _IFF_UP | _IFF_RUNNING,
        loopback=bool(flags & _IFF_LOOPBACK),
        kind=_text(info.get(_INFO_KIND, b"")),
        master=_number(attributes.get(_IFLA_MASTER)),
        parent=None if foreign else _number(attributes.get(_IFLA_PARENT)),
    )


def _addresses() -> dict[int, list[Interface]]:
    found: dict[int, list[Interface]] = {}
    for body in netlink.dump(netlink.GET_ADDRESS, bytes(_ADDRESS.size)):
        family, prefix, _flags, _scope, index = _ADDRESS.unpack_from(body)
        attributes = netlink.attributes(body, _ADDRESS.size)
        packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
        if family in _FAMILIES and packed:
            interface = ipaddress.ip_interface((packed, prefix))
            if not interface.is_link_local:
                found.setdefault(index, []).append(interface)
    return found


def read_routes() -> tuple[Route, ...]:
    """Unicast routes of the main table, IPv4 and IPv6; one for each next hop."""
    return tuple(route for body in netlink.dump(netlink.GET_ROUTE, bytes(_ROUTE.size)) for route in _routes(body))


def _routes(body: bytes) -> list[Route]:
    family, prefix, _source, _tos, table, _protocol, _scope, kind, _flags = _ROUTE.unpack_from(body)
    attributes = netlink.attributes(body, _ROUTE.size)
    table = _number(attributes.get(_RTA_TABLE)) or table
    if family not in _FAMILIES or table != _MAIN_TABLE or kind != _UNICAST:
        return []
    packed = attributes.get(_RTA_DESTINATION) or bytes(4 if _FAMILIES[family] == 4 else 16)
    destination = ipaddress.ip_network((packed, prefix), strict=False)
    metric = _number(attributes.get(_RTA_METRIC)) or 0
    hops = _next_hops(attributes.get(_RTA_MULTIPATH, b"")) or [_number(attributes.get(_RTA_INTERFACE))]
    return [Route(destination, hop, metric) for hop in hops if hop is not None]


def _next_hops(data: bytes) -> list[int | None]:
    """Interface indices of ``struct rtnexthop`` entries."""
    hops: list[int | None] = []
    while len(data) >= 8:
        length, index = struct.unpack_from("=HxxI", data)
        hops.append(index)
        if length < 8:
            break
        data = data[(length + 3) & ~3 :]
    return hops


def forwards() -> bool:
    """Whether the host passes packets on, in either family."""
    return any(_sysctl(path) == "1" for path in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"))


def _sysctl(path: str) -> str:
    try:
        return Path("/proc/sys", path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "backslashreplace")


def _number(raw: bytes | None) -> int | None:
    return int(struct.unpack("=I", raw)[0]) if raw and len(raw) == 4 else None
