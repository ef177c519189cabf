"""Finds the most specific host pattern for a name, and the longest network for an address.

The order of specificity, from the top; the first that matches decides:

1. an ``exact`` pattern: the name itself;
2. a ``wildcard`` pattern: it has as many labels as the name, which no suffix above it can exceed; of several the one
   with the longest literal end, then the most literal characters;
3. the ``suffix`` pattern with the most labels.

Names are canonical (see ``egret.names``) and everything happens at label boundaries: ``notqwen.ai`` is not below
``qwen.ai``. A look-up costs one dictionary look-up a label and no test per signature: equal to trying every pattern
(which is what the tests do) because a suffix that matches *is* one of the name's own tails, and a wildcard that
matches ends in one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from egret.model import HostKind, HostPattern, Match, Signature
from egret.value import Struct


class _Wildcard(Struct, frozen=True):
    literals: int
    match: Match


class _Tail(Struct, frozen=True):
    """What ends here: the suffix pattern that is this tail, and the wildcards whose literal end it is."""

    suffix: Match | None
    wildcards: tuple[_Wildcard, ...]


class HostIndex:
    """All host patterns of some signatures; of two equal patterns the first signature's counts."""

    def __init__(self, signatures: Iterable[Signature]) -> None:
        self._exact: dict[str, Match] = {}
        suffixes: dict[str, Match] = {}
        wildcards: dict[str, list[_Wildcard]] = {}
        for signature in signatures:
            for host in signature.hosts:
                match = Match(signature, host.pattern, host.region, host.scope)
                if host.kind is HostKind.EXACT:
                    self._exact.setdefault(host.pattern, match)
                elif host.kind is HostKind.SUFFIX:
                    suffixes.setdefault(host.pattern, match)
                else:
                    wildcards.setdefault(literal_tail(host.pattern), []).append(_wildcard(host, match))
        for found in wildcards.values():
            found.sort(key=lambda wildcard: -wildcard.literals)
        self._tails = {
            tail: _Tail(suffixes.get(tail), tuple(wildcards.get(tail, ())))
            for tail in suffixes.keys() | wildcards.keys()
        }

    def find(self, name: str) -> Match | None:
        """The match of the most specific pattern for the canonical *name*."""
        if found := self._exact.get(name):
            return found
        suffix = None
        tails = self._tails
        tail = name
        while tail:
            if entry := tails.get(tail):
                for wildcard in entry.wildcards:
                    if wildcard_expression(wildcard.match.pattern).fullmatch(name):
                        return wildcard.match
                suffix = suffix or entry.suffix
            tail = tail.partition(".")[2]
        return suffix


def literal_tail(pattern: str) -> str:
    """The labels of a wildcard pattern after its last ``*`` label; ``""`` if that is the last."""
    return pattern.rpartition("*")[2].partition(".")[2]


@lru_cache(maxsize=1 << 12)  # the first name that may match makes it: most are never asked for
def wildcard_expression(pattern: str) -> re.Pattern[str]:
    """*pattern* as an expression for ``fullmatch``: ``*`` is one or more characters inside one label."""
    return re.compile("[^.]+".join(re.escape(part) for part in pattern.split("*")))


def _wildcard(host: HostPattern, match: Match) -> _Wildcard:
    literals = len(host.pattern) - host.pattern.count("*")
    return _Wildcard(literals, match)
