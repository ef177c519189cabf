"""Where to stand: which interfaces to watch, and why there.

On a gateway the inside interfaces show the clients; the outside one shows only the gateway, after NAT. So: the inside
ones where the host forwards and has any, else the one that the default route leaves by. A frame that
would show twice (bridge and port, VLAN and parent) is watched in one place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from egret.errors import SourceError
from egret.names import printable
from egret.sources.links import Host, Interface, Link, Network, read_host

# Bridges that container and VM managers make for guests of this very host: no LAN, and no sign of a gateway.
_GUEST_BRIDGES = re.compile(r"(docker|podman|virbr|lxcbr|lxdbr|cni|br-[0-9a-f]{12}$)")
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")  # RFC 1918, 6598, 4193


@dataclass(frozen=True, slots=True)
class Placement:
    """Interfaces to watch, in order; *why* is for the first lines of ``run``."""

    interfaces: tuple[str, ...]
    why: tuple[str, ...]
    inside_networks: tuple[str, ...]  # CIDR: where clients are, unless networks.inside says otherwise
    promiscuous: frozenset[str] = field(default_factory=frozenset)  # of *interfaces*: these, to see others' frames


def choose(wanted: Sequence[str] = (), promiscuous: str = "auto", host: Host | None = None) -> Placement:
    """Choose the interfaces to watch.

    Args:
        wanted: names an operator gave; none: Egret decides.
        promiscuous: "on", "off" or "auto": on where frames for others are the point (``_needs_promiscuous``).
        host: what to decide on; None: this host, now.

    Raises:
        SourceError: a wanted interface does not exist, or there is none to watch; says which exist.
    """
    try:
        host = host or read_host()
    except OSError as error:
        raise SourceError(f"cannot list the interfaces: {error.strerror or error}") from None
    chosen, why = _named(host, wanted) if wanted else _decided(host)
    return Placement(
        tuple(link.name for link in chosen),
        tuple(why),
        _inside_networks(host, chosen),
        frozenset(link.name for link in chosen if _wants_promiscuous(host, link, promiscuous)),
    )


def _named(host: Host, wanted: Sequence[str]) -> tuple[list[Link], list[str]]:
    names = list(dict.fromkeys(wanted))
    links = [host.link(name) for name in names]
    missing = [name for name, link in zip(names, links, strict=True) if link is None]
    if missing:
        raise SourceError(f"no interface named {_listed(missing)}; this machine has {_existing(host)}")
    found = [link for link in links if link is not None]
    return found, [f"{link.name}: as asked{'' if link.up else '; it is down now'}" for link in found]


def _decided(host: Host) -> tuple[list[Link], list[str]]:
    outside = _outside(host)
    inside = [link for link in host.links if _is_inside(link, outside)] if host.forwards else []
    if not inside:
        return _default_route(host)
    inside, doubles = _without_doubles(inside)
    private = [link for link in inside if any(map(_is_private, link.addresses))]
    if not outside and private and len(private) < len(inside):
        why = "this host forwards and has no default route; its private networks are the inside"
        return private, [f"{link.name}: {why}" for link in private]
    known = f"the default route leaves by {_listed(sorted(outside))}" if outside else "there is no default route"
    return inside, [f"{link.name}: an inside interface; this host forwards and {known}" for link in inside] + doubles


def _is_private(address: Interface) -> bool:
    # Not ipaddress's is_private: that counts documentation and benchmark networks too.
    return any(address.version == net.version and address.ip in net for net in map(ipaddress.ip_network, _PRIVATE))


def _outside(host: Host) -> set[str]:
    names = {link.index: link.name for link in host.links}
    return {names[route.link_index] for route in host.routes if route.is_default and route.link_index in names}


def _is_inside(link: Link, outside: set[str]) -> bool:
    """Up, with an address, not the way out; a port without an address speaks through its bridge."""
    if link.loopback or not link.up or not link.addresses or link.name in outside:
        return False
    return link.master is None and not _GUEST_BRIDGES.match(link.name)


def _without_doubles(links: list[Link]) -> tuple[list[Link], list[str]]:
    """A VLAN's frames pass its parent too: where both are inside, the parent alone shows everything."""
    indices = {link.index for link in links}
    doubles = [link for link in links if link.kind == "vlan" and link.parent in indices]
    names = {link.index: link.name for link in links}
    why = [f"{link.name}: not watched, its frames pass {names[link.parent]} as well" for link in doubles if link.parent]
    return [link for link in links if link not in doubles], why


def _default_route(host: Host) -> tuple[list[Link], list[str]]:
    routes = sorted((route for route in host.routes if route.is_default), key=lambda route: route.metric)
    for route in routes:
        for link in host.links:
            if link.index == route.link_index:
                why = "has no inside interface" if host.forwards else "does not forward for others"
                return [link], [f"{link.name}: the default route leaves by it, and this host {why}"]
    fallback = [link for link in host.links if link.up and not link.loopback and link.master is None]
    if not fallback:
        raise SourceError(f"no interface to watch: none is up; this machine has {_existing(host)}; name one with -i")
    return fallback, [f"{link.name}: it is up, and there is no default route" for link in fallback]


def _inside_networks(host: Host, links: Sequence[Link]) -> tuple[str, ...]:
    """What is connected to the watched interfaces or routed by them; private networks where that is nothing."""
    indices = {link.index for link in links}
    networks: list[Network] = [address.network for link in links for address in link.addresses]
    networks += [
        route.destination for route in host.routes if route.link_index in indices and _is_lan(route.destination)
    ]
    return tuple(dict.fromkeys(str(network) for network in networks)) or _PRIVATE


def _is_lan(network: Network) -> bool:
    return network.prefixlen > 0 and not network.is_link_local and not network.is_multicast


def _wants_promiscuous(host: Host, link: Link, mode: str) -> bool:
    """Auto: on where frames for others are what a sensor is for, so not on a gateway, whose clients address it.

    That is a host that does not forward, or an interface without an address (a SPAN port); only on Ethernet.
    """
    if mode != "auto":
        return mode == "on"
    return link.hardware == 1 and (not host.forwards or not link.addresses)


def _existing(host: Host) -> str:
    return _listed([link.name for link in host.links]) or "none"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(printable(name) for name in names)
