"""Exports for resolvers that answer for others: RPZ, dnsmasq, unbound. Each knows exact hosts and whole trees."""

from __future__ import annotations

from egret.catalog.export.blocklist import Blocklist, blocklist, inherited
from egret.catalog.export.selection import Export, Selection

MAX_OWNER = 200  # a policy's owner name carries the zone's own name behind it
_ACTIONS = {True: ".", False: "rpz-passthru."}


def rpz(selection: Selection) -> Export:
    """A response policy zone: NXDOMAIN for what is chosen, passthru for what is below and is not."""
    rules = blocklist(selection, spell_out=True)
    owners = _owners(rules)
    left_out = (*rules.unsaid(wildcards=False), *(f"host {name}" for name in owners if len(name) > MAX_OWNER))
    serial = (selection.reviewed.replace("-", "") or "19700101") + "00"
    lines = [f"; {line}" for line in selection.head(left_out)]
    lines += ["$TTL 300", f"@ IN SOA localhost. root.localhost. {serial} 3600 600 604800 300", "@ IN NS localhost."]
    lines += [f"{name} CNAME {_ACTIONS[blocks]}" for name, blocks in owners.items() if len(name) <= MAX_OWNER]
    return Export("\n".join(lines) + "\n", left_out)


def _owners(rules: Blocklist) -> dict[str, bool]:
    """Owner names of the zone and whether each blocks.

    A name in a zone, an empty one between two labels included, ends the reach of a wildcard above it (RFC 4592 section
    3.3.1): so each such name repeats, for itself and all below it, what holds above it.
    """
    suffixes = rules.suffixes()
    exact = dict.fromkeys(rules.block.exact, True) | dict.fromkeys(rules.allow.exact, False)
    owners: dict[str, bool] = {}
    for rule in (*suffixes, *exact):
        labels = rule.split(".")
        for name in (".".join(labels[n:]) for n in range(len(labels))):
            state = inherited(name, suffixes)
            if state is not None:
                owners[name] = owners[f"*.{name}"] = state
    return dict(sorted((owners | exact).items()))


def dnsmasq(selection: Selection) -> Export:
    """Lines for ``conf-dir``: NXDOMAIN. ``server=/x/#`` goes back to the usual servers. Since dnsmasq 2.86."""
    rules = blocklist(selection, spell_out=True)
    left_out = tuple(rules.unsaid(wildcards=False))
    lines = [f"# {line}" for line in selection.head(left_out)]
    exact = {*rules.block.exact, *rules.allow.exact}  # the line of an exact host says what holds below it, too
    lines += [f"address=/{name}/" for name in rules.block.suffix if name not in exact]
    lines += [f"server=/{name}/#" for name in rules.allow.suffix if name not in exact]
    suffixes = rules.suffixes()
    for name in rules.block.exact:
        lines += [f"address=/{name}/", f"address=/*.{name}/" if inherited(name, suffixes) else f"server=/*.{name}/#"]
    for name in rules.allow.exact:
        lines += [f"server=/{name}/#", f"address=/*.{name}/" if inherited(name, suffixes) else f"server=/*.{name}/#"]
    return Export("\n".join(lines) + "\n", left_out)


def unbound(selection: Selection) -> Export:
    """A ``server:`` clause. An exact host is a name without addresses in a zone that is otherwise looked up."""
    rules = blocklist(selection, spell_out=True)
    left_out = tuple(rules.unsaid(wildcards=False)) + tuple(f"exception {name}" for name in rules.allow.exact)
    lines = [f"# {line}" for line in selection.head(left_out)] + ["server:"]
    lines += [f'    local-zone: "{name}." always_nxdomain' for name in rules.block.suffix]
    for name in rules.block.exact:
        lines += [f'    local-zone: "{name}." transparent', f'    local-data: "{name}. 300 IN TXT blocked"']
    lines += [
        f'    local-zone: "{name}." always_transparent' for name in rules.allow.suffix if name not in rules.block.exact
    ]
    return Export("\n".join(lines) + "\n", left_out)
