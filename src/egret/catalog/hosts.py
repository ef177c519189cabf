"""What a host pattern may look like, and the oracle of how it matches."""

from __future__ import annotations

import re

from egret import names
from egret.catalog.index import wildcard_expression
from egret.model import HostKind, HostPattern

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_WILD_LABEL = re.compile(r"[a-z0-9_*-]{1,63}")


def problem(kind: HostKind, pattern: str) -> str | None:
    """What is wrong with *pattern*, and what to write instead; None if nothing is."""
    if pattern != pattern.strip().lower() or pattern.endswith("."):
        return f"write '{pattern.strip().lower().rstrip('.')}': lower case, no blanks, no final dot"
    if not pattern.isascii():
        return "write the A-label form (xn--...)"
    if "/" in pattern or ":" in pattern:
        return "write the host alone: no scheme, port or path"
    if names.is_address(pattern):
        return "an address goes under 'networks'"
    labels = pattern.split(".")
    if len(labels) < 2 or len(pattern) > names.MAX_NAME:
        return "a host has at least two labels and at most 253 characters"
    return _wildcard_problem(labels) if kind is HostKind.WILDCARD else _literal_problem(labels)


def _literal_problem(labels: list[str]) -> str | None:
    if any("*" in label for label in labels):
        return "only 'wildcard:' may hold '*'; for everything below a host write 'suffix:' without it"
    bad = next((label for label in labels if not _LABEL.fullmatch(label)), None)
    return None if bad is None else f"'{bad}' is no host label"


def _wildcard_problem(labels: list[str]) -> str | None:
    if not any("*" in label for label in labels):
        return "a wildcard holds at least one '*'; else it is 'exact:' or 'suffix:'"
    if any("*" in label for label in labels[-2:]):
        return "the last two labels must be literal"
    bad = next((label for label in labels if not _WILD_LABEL.fullmatch(label)), None)
    return None if bad is None else f"'{bad}' is no host label"


def matches(host: HostPattern, name: str) -> bool:
    """Whether *host* alone matches the canonical *name*; slow and plain: what the index is proved against."""
    if host.kind is HostKind.EXACT:
        return name == host.pattern
    if host.kind is HostKind.SUFFIX:
        return name == host.pattern or name.endswith("." + host.pattern)
    return wildcard_expression(host.pattern).fullmatch(name) is not None
