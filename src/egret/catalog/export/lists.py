"""Exports as lists of names: a hosts file, AdGuard's rules, squid's access lists."""

from __future__ import annotations

from egret.catalog.export.blocklist import blocklist
from egret.catalog.export.selection import Export, Selection, below, known_names, label_expression
from egret.model import HostKind

_NOWHERE = ("0.0.0.0", "::")  # noqa: S104 - what a blocked name resolves to; nothing listens there


def hosts(selection: Selection) -> Export:
    """A hosts file: it has no patterns, so each stands for the names that the catalogue knows of it."""
    left_out = [
        f"what else {target.host.kind} {target.host.pattern} covers"
        for target in selection.targets
        if target.host.kind is not HostKind.EXACT
    ]
    allowed = blocklist(selection).allow.exact
    found = sorted({name for target in selection.targets for name in known_names(target)} - set(allowed))
    lines = [f"# {line}" for line in selection.head()]
    lines += [f"# {len(left_out)} patterns are only as many names as the catalogue knows of them"]
    lines += [f"{address} {name}" for name in found for address in _NOWHERE]
    return Export("\n".join(lines) + "\n", tuple(left_out))


def adguard(selection: Selection) -> Export:
    """AdGuard Home's and AdGuard DNS's rule syntax, which Pi-hole and others read in part."""
    rules = blocklist(selection)
    lines = [f"! {line}" for line in selection.head()]
    for names, before in ((rules.block, ""), (rules.allow, "@@")):
        for form, each in (("||{}^", names.suffix), ("|{}^", names.exact)):
            lines += [before + form.format(name) + ("$important" if name in rules.again else "") for name in each]
        lines += [f"{before}/{label_expression(name)}/" for name in names.wildcard]
    return Export("\n".join(lines) + "\n")


def squid(selection: Selection) -> Export:
    """Access lists and the rules that deny; include the file before the first ``http_access allow``."""
    rules = blocklist(selection)
    block, again = (
        _listed(
            [name for name in rules.block.exact if (name in rules.again) is wanted],
            [name for name in rules.block.suffix if (name in rules.again) is wanted],
        )
        for wanted in (False, True)
    )
    lists = (
        ("egret", "dstdomain", block),
        ("egret_patterns", "dstdom_regex -n", [label_expression(name) for name in rules.block.wildcard]),
        ("egret_not", "dstdomain", _listed(rules.allow.exact, rules.allow.suffix)),
        ("egret_not_patterns", "dstdom_regex -n", [label_expression(name) for name in rules.allow.wildcard]),
        ("egret_again", "dstdomain", again),
    )
    lines = [f"# {line}" for line in selection.head()]
    lines += [f"acl {name} {kind} {value}" for name, kind, values in lists for value in values]
    used = {name for name, _, values in lists if values}
    but = "".join(f" !{name}" for name in ("egret_not", "egret_not_patterns") if name in used)
    lines += ["http_access deny egret_again"] if "egret_again" in used else []
    lines += [f"http_access deny {name}{but}" for name in ("egret", "egret_patterns") if name in used]
    return Export("\n".join(lines) + "\n")


def _listed(exact: list[str], suffix: list[str]) -> list[str]:
    """Names for ``dstdomain``, where ``.x`` is x and all below it; an entry below another is an error to squid."""
    whole = set(suffix)
    kept = [name for name in suffix if not below(name.partition(".")[2], whole)]
    return [f".{name}" for name in kept] + [name for name in exact if not below(name, whole)]
