"""The selection as the smallest set of rules for programs where the longest match decides.

A chosen ``aliyuncs.com`` has hosts below it that were not chosen, and those have chosen ones below them. A pattern
gets a rule only if what is above it says something else: so nothing is said twice (squid refuses that) and what was
not chosen stays reachable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from egret.catalog.export.selection import Selection, known_names
from egret.catalog.index import literal_tail, wildcard_expression
from egret.model import HostKind, HostPattern


class Names(NamedTuple):
    """Sorted patterns of each kind."""

    exact: list[str]
    suffix: list[str]
    wildcard: list[str]


class Blocklist(NamedTuple):
    """What to block, and what below it to leave alone."""

    block: Names
    allow: Names
    again: frozenset[str]  # those of ``block`` that stand below one of ``allow``

    def suffixes(self) -> dict[str, bool]:
        """Whether each suffix rule blocks."""
        return dict.fromkeys(self.block.suffix, True) | dict.fromkeys(self.allow.suffix, False)

    def unsaid(self, *, wildcards: bool) -> list[str]:
        """What a format that knows exact and suffix rules cannot say of it."""
        left = [] if wildcards else [f"what else pattern {pattern} covers" for pattern in self.block.wildcard]
        return left + [f"exception {pattern}" for pattern in self.allow.wildcard]


def blocklist(selection: Selection, *, spell_out: bool = False) -> Blocklist:
    """Make the rules; where a chosen and another pattern are equal, the chosen one holds.

    *spell_out* adds the names that the catalogue knows of each wildcard, for formats without wildcards.
    """
    states = _states(selection)
    if spell_out:
        spelled = {(HostKind.EXACT, name): True for name in _known_of_wildcards(selection)}
        states = dict(sorted((spelled | states).items()))
    suffixes = {pattern: state for (kind, pattern), state in states.items() if kind is HostKind.SUFFIX}
    kept: dict[tuple[HostKind, str], bool] = {}
    again: set[str] = set()
    patterns = [wildcard_expression(p) for (kind, p), blocks in states.items() if kind is HostKind.WILDCARD and blocks]
    for (kind, pattern), blocks in states.items():
        above = inherited(_start(kind, pattern), suffixes)
        by_pattern = kind is HostKind.EXACT and not blocks and any(each.fullmatch(pattern) for each in patterns)
        if blocks is not (above or False) or by_pattern:
            kept[kind, pattern] = blocks
        if blocks and above is False and any(_above(pattern, suffixes)):
            again.add(pattern)
    return Blocklist(_names(kept, blocks=True), _names(kept, blocks=False), frozenset(again))


def _states(selection: Selection) -> dict[tuple[HostKind, str], bool]:
    """Whether each pattern of the catalogue is to be blocked, in an order of its own."""
    states = {(host.kind, host.pattern): False for host in selection.others}
    states |= {(target.host.kind, target.host.pattern): True for target in selection.targets}
    return dict(sorted(states.items()))


def _known_of_wildcards(selection: Selection) -> set[str]:
    wildcards = [target for target in selection.targets if target.host.kind is HostKind.WILDCARD]
    return {name for target in wildcards for name in known_names(target)}


def inherited(name: str, suffixes: Mapping[str, bool]) -> bool | None:
    """What the nearest of *suffixes* at or above *name* says; None without one."""
    while name:
        if name in suffixes:
            return suffixes[name]
        name = name.partition(".")[2]
    return None


def _start(kind: HostKind, pattern: str) -> str:
    """The name from which a pattern inherits: its own, what is above it, or its literal end."""
    if kind is HostKind.EXACT:
        return pattern
    return literal_tail(pattern) if kind is HostKind.WILDCARD else pattern.partition(".")[2]


def _above(pattern: str, suffixes: dict[str, bool]) -> list[bool]:
    labels = pattern.split(".")
    return [suffixes.get(".".join(labels[n:]), False) for n in range(1, len(labels))]


def _names(kept: dict[tuple[HostKind, str], bool], *, blocks: bool) -> Names:
    def of(kind: HostKind) -> list[str]:
        return [pattern for (each, pattern), state in kept.items() if each is kind and state is blocks]

    return Names(of(HostKind.EXACT), of(HostKind.SUFFIX), of(HostKind.WILDCARD))


def beside(hosts: tuple[HostPattern, ...], suffix: str) -> list[str]:
    """The patterns of *hosts* that stand below *suffix*."""
    return [host.pattern for host in hosts if host.pattern.endswith("." + suffix)]
