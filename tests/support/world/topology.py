"""The wires of the test world: hosts - switch - gateway - internet, with no way out."""

from __future__ import annotations

from collections.abc import Iterable

from tests.support.world import plan
from tests.support.world.namespaces import Namespace, command

GATEWAY_MAC_INSIDE = "00:00:5e:00:53:01"
GATEWAY_MAC_OUTSIDE = "00:00:5e:00:53:02"
INTERNET_MAC = "00:00:5e:00:53:03"


def connect(hosts: dict[str, Namespace], lan: Namespace, gateway: Namespace, internet: Namespace) -> None:
    """Lay all wires, addresses and routes; the namespaces exist and are empty."""
    lan.ip("link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
    lan.ip("link", "set", "br0", "up")
    for host in plan.HOSTS:
        _host(host, hosts[host.name], lan)
    connect_inside(lan, gateway)
    _outside(gateway, internet)
    for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        gateway.run("sysctl", "-qw", f"{name}=1")
    for site in (*(site.v4 for site in plan.SITES), plan.UNNAMED, plan.RESOLVER):
        internet.ip("address", "add", f"{site}/32", "dev", "lo")
    for site6 in (site.v6 for site in plan.SITES if site.v6):
        internet.ip("address", "add", f"{site6}/128", "dev", "lo", "nodad")


def connect_inside(lan: Namespace, gateway: Namespace) -> None:
    """The gateway's inside interface; a test may delete it and call this again."""
    _wire(gateway, "lan0", GATEWAY_MAC_INSIDE, lan, "gateway")
    lan.ip("link", "set", "gateway", "master", "br0")
    gateway.ip("address", "add", f"{plan.GATEWAY_INSIDE}/24", "dev", "lan0")
    gateway.ip("address", "add", f"{plan.GATEWAY_INSIDE_6}/64", "dev", "lan0", "nodad")


def turn_offloads_off(namespaces: Iterable[Namespace]) -> None:
    """Real segments with real checksums: else one super-packet stands for many and no hello is ever split."""
    for namespace in namespaces:
        for name in namespace.run("ls", "/sys/class/net").split():
            if name not in {"lo", "br0"}:
                namespace.run("ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off")


def masquerade(gateway: Namespace) -> None:
    """Hide the lan behind the gateway's outside addresses."""
    gateway.run("nft", "add", "table", "inet", "world")
    gateway.run("nft", "add", "chain", "inet", "world", "out", "{ type nat hook postrouting priority 100 ; }")
    gateway.run("nft", "add", "rule", "inet", "world", "out", "oifname", "wan0", "masquerade")


def _host(host: plan.Host, namespace: Namespace, lan: Namespace) -> None:
    _wire(namespace, "eth0", host.mac, lan, host.name)
    lan.ip("link", "set", host.name, "master", "br0")
    namespace.ip("address", "add", f"{host.v4}/24", "dev", "eth0")
    namespace.ip("address", "add", f"{host.v6}/64", "dev", "eth0", "nodad")
    namespace.ip("route", "add", "default", "via", plan.GATEWAY_INSIDE)
    namespace.ip("-6", "route", "add", "default", "via", plan.GATEWAY_INSIDE_6)


def _outside(gateway: Namespace, internet: Namespace) -> None:
    _wire(gateway, "wan0", GATEWAY_MAC_OUTSIDE, internet, "net0", peer_mac=INTERNET_MAC)
    gateway.ip("address", "add", f"{plan.GATEWAY_OUTSIDE}/24", "dev", "wan0")
    gateway.ip("address", "add", f"{plan.GATEWAY_OUTSIDE_6}/64", "dev", "wan0", "nodad")
    gateway.ip("route", "add", "default", "via", plan.INTERNET)
    gateway.ip("-6", "route", "add", "default", "via", plan.INTERNET_6)
    internet.ip("address", "add", f"{plan.INTERNET}/24", "dev", "net0")
    internet.ip("address", "add", f"{plan.INTERNET_6}/64", "dev", "net0", "nodad")
    internet.ip("route", "add", "192.0.2.0/24", "via", plan.GATEWAY_OUTSIDE)
    internet.ip("-6", "route", "add", "2001:db8:1::/64", "via", plan.GATEWAY_OUTSIDE_6)


def _wire(left: Namespace, name: str, mac: str, right: Namespace, peer: str, *, peer_mac: str | None = None) -> None:
    ends = ["address", mac, "netns", left.name, "type", "veth", "peer", "name", peer]
    ends += ["address", peer_mac] if peer_mac else []
    command("ip", "link", "add", name, *ends, "netns", right.name)
    for namespace, end in ((left, name), (right, peer)):
        namespace.ip("link", "set", end, "mtu", "1500", "up")
