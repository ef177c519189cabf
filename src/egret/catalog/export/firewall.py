"""The export for nftables: addresses and networks, and sets that a resolver fills for the names."""

from __future__ import annotations

from egret.catalog.export.selection import Export, Selection


def nftables(selection: Selection) -> Export:
    """A table that replaces itself when loaded. A firewall has no names: dnsmasq's ``nftset`` may fill its sets."""
    left_out = tuple(f"host {target.host.kind} {target.host.pattern}" for target in selection.targets)
    lines = [f"# {line}" for line in selection.head()]
    lines += [
        f"# {len(left_out)} host patterns are names, which a firewall cannot see: let dnsmasq (2.87 or later) fill",
        "# names4 and names6 with nftset=/NAME/4#inet#egret#names4,6#inet#egret#names6",
        "table inet egret",
        "delete table inet egret",
        "table inet egret {",
    ]
    rules = []
    for version, family, kind in ((4, "ip", "ipv4_addr"), (6, "ip6", "ipv6_addr")):
        plain, with_ports = _elements(selection, version)
        lines += _set(f"networks{version}", kind, "interval", plain)
        lines += _set(f"services{version}", f"{kind} . inet_service", "interval", with_ports)
        lines += _set(f"names{version}", kind, "timeout", [])
        rules += [
            f"{family} daddr @networks{version} counter reject",
            f"{family} daddr . th dport @services{version} meta l4proto {{ tcp, udp }} counter reject",
            f"{family} daddr @names{version} counter reject",
        ]
    for chain in ("forward", "output"):
        lines += [f"    chain {chain} {{", f"        type filter hook {chain} priority filter; policy accept;"]
        lines += [f"        {rule}" for rule in rules] + ["    }"]
    return Export("\n".join([*lines, "}"]) + "\n", left_out)


def _elements(selection: Selection, version: int) -> tuple[list[str], list[str]]:
    plain: set[str] = set()
    with_ports: set[str] = set()
    for signature, _ in selection.networks:
        for network in signature.networks:
            if (":" in network) is (version == 6):
                with_ports |= {f"{network} . {port}" for port in signature.ports}
                plain |= set() if signature.ports else {network}
    return sorted(plain), sorted(with_ports)


def _set(name: str, kind: str, flags: str, elements: list[str]) -> list[str]:
    lines = [f"    set {name} {{", f"        type {kind}", f"        flags {flags}"]
    lines += ["        auto-merge"] if flags == "interval" and "." not in kind else []
    lines += ["        timeout 1h"] if flags == "timeout" else []
    lines += [f"        elements = {{ {', '.join(elements)} }}"] if elements else []
    return [*lines, "    }"]
