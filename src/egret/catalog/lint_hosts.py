"""The lint's rules about hosts and networks that get in each other's way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from egret.catalog.finding import Finding, Rule
from egret.catalog.index import literal_tail, wildcard_expression
from egret.catalog.located import Located
from egret.errors import Position
from egret.model import HostKind, HostPattern, ServiceClass, Signature


class Claim(NamedTuple):
    """One host pattern, whose it is and where it stands."""

    host: HostPattern
    signature: Signature
    place: Position
    distinct_from: frozenset[str]


def claims(located: Iterable[Located]) -> list[Claim]:
    """Every host pattern of the catalogue."""
    return [
        Claim(host, item.signature, place, item.distinct_from)
        for item in located
        for host, place in zip(item.signature.hosts, item.hosts, strict=True)
    ]


def duplicates(all_claims: Iterable[Claim]) -> Iterator[Finding]:
    """The same kind and pattern twice."""
    first: dict[tuple[HostKind, str], Claim] = {}
    for claim in all_claims:
        kept = first.setdefault((claim.host.kind, claim.host.pattern), claim)
        if kept is not claim:
            message = f"'{claim.host.pattern}' is in '{kept.signature.id}' already and never reached here"
            yield Finding(claim.place, Rule.DUPLICATE, message, f"remove one; the other is at {kept.place}")


def duplicate_networks(located: Iterable[Located]) -> Iterator[Finding]:
    """The same network with a port in common twice."""
    first: dict[tuple[str, int], Located] = {}
    for item in located:
        for network, place in zip(item.signature.networks, item.networks, strict=True):
            taken = [first.setdefault((network, port), item) for port in item.signature.ports or (0,)]
            other = next((each for each in taken if each is not item), None)
            if other:
                message = f"'{network}' is in '{other.signature.id}' already and never reached here"
                yield Finding(place, Rule.DUPLICATE, message, "remove one, or tell them apart by port")


def redundant(all_claims: Iterable[Claim]) -> Iterator[Finding]:
    """A host that a suffix of its own signature covers, and that states neither region nor source of its own."""
    suffixes = {(c.signature.id, c.host.pattern) for c in all_claims if c.host.kind is HostKind.SUFFIX}
    for claim in all_claims:
        if claim.host.region or claim.host.source:
            continue
        above = _parents(claim.host.pattern, itself=claim.host.kind is not HostKind.SUFFIX)
        parent = next((tail for tail in above if (claim.signature.id, tail) in suffixes), None)
        if parent:
            message = f"'{claim.host.pattern}' is covered by suffix '{parent}' of the same signature"
            yield Finding(claim.place, Rule.REDUNDANT, message, "remove it, or say its region or source")


def shadows(all_claims: Iterable[Claim]) -> Iterator[Finding]:
    """A host of another class below an AI service's suffix: its names are no longer called AI."""
    ai = {
        claim.host.pattern: claim
        for claim in all_claims
        if claim.host.kind is HostKind.SUFFIX and claim.signature.service_class is ServiceClass.AI
    }
    for claim in all_claims:
        if claim.signature.service_class is ServiceClass.AI:
            continue
        parent = next((ai[tail] for tail in _parents(claim.host.pattern, itself=False) if tail in ai), None)
        if parent:
            own = claim.signature.service_class
            message = f"'{claim.host.pattern}' ({own}) takes names from '{parent.signature.id}' (ai)"
            yield Finding(claim.place, Rule.SHADOW, message, "make it class ai, or narrow the suffix")


def _parents(pattern: str, *, itself: bool) -> Iterator[str]:
    tail = pattern if itself else pattern.partition(".")[2]
    while tail:
        yield tail
        tail = tail.partition(".")[2]


def ambiguous(all_claims: Iterable[Claim]) -> Iterator[Finding]:
    """Two wildcards of equal rank, of different signatures, that share a name."""
    wildcards = [claim for claim in all_claims if claim.host.kind is HostKind.WILDCARD]
    for one, other in combinations(wildcards, 2):
        if one.signature is other.signature or _rank(one.host.pattern) != _rank(other.host.pattern):
            continue
        if one.host.pattern != other.host.pattern and (name := _common(one.host.pattern, other.host.pattern)):
            message = f"'{other.host.pattern}' and '{one.host.pattern}' of '{one.signature.id}' both match '{name}'"
            yield Finding(other.place, Rule.AMBIGUOUS, message, "make one of them more literal")


def _rank(pattern: str) -> tuple[str, int]:
    return literal_tail(pattern), len(pattern) - pattern.count("*")


def _common(one: str, other: str) -> str | None:
    """A name that both patterns match, if joining them label by label finds one."""
    if one.count(".") != other.count("."):
        return None
    labels = [_common_label(a, b) for a, b in zip(one.split("."), other.split("."), strict=True)]
    return None if None in labels else ".".join(label for label in labels if label)


def _common_label(a: str, b: str) -> str | None:
    candidates = (a.replace("*", b.replace("*", "x")), b.replace("*", a.replace("*", "x")), _merge(a, b), _merge(b, a))
    one, other = wildcard_expression(a), wildcard_expression(b)
    return next((label for label in candidates if one.fullmatch(label) and other.fullmatch(label)), None)


def _merge(a: str, b: str) -> str:
    """``pre*`` and ``*post`` share ``prexpost``."""
    return f"{a.partition('*')[0]}x{b.rpartition('*')[2]}"


def typos(all_claims: Iterable[Claim]) -> Iterator[Finding]:
    """Two hosts one edit or swap apart, unless one entry says ``distinct_from`` the other, or one line made both."""
    seen: dict[str, list[Claim]] = {}
    said: set[tuple[str, str]] = set()
    for claim in all_claims:
        pattern = claim.host.pattern
        for key in _with_one_less(pattern):
            for near in seen.setdefault(key, []):
                pair = near.host.pattern, pattern
                if pair in said or near.place == claim.place or not _is_near(near, claim):
                    continue
                said.add(pair)
                message = f"'{pattern}' is one edit away from '{near.host.pattern}' at {near.place}"
                yield Finding(
                    claim.place, Rule.TYPO, message, f"correct it, or write 'distinct_from: {near.host.pattern}'"
                )
            seen[key].append(claim)


def _same_but_for_region(one: HostPattern, other: HostPattern) -> bool:
    """``a.sg-1.x`` in "SG (sg-1)" and ``a.sg-2.x`` in "SG (sg-2)": each states the region that it names."""
    a, b = _code(one), _code(other)
    return a != b and bool(a and b) and one.pattern.replace(a, "*") == other.pattern.replace(b, "*")


def _code(host: HostPattern) -> str:
    """The ``sg-1`` of the region "SG (sg-1)", or nothing."""
    return (host.region or "").partition("(")[2].removesuffix(")")


def _with_one_less(text: str) -> set[str]:
    """*text* and all texts with one character removed: two texts one edit apart share one of them."""
    return {text, *(text[:n] + text[n + 1 :] for n in range(len(text)))}


def _is_near(one: Claim, other: Claim) -> bool:
    a, b = one.host.pattern, other.host.pattern
    if a == b or a in other.distinct_from or b in one.distinct_from or _same_but_for_region(one.host, other.host):
        return False
    if len(a) != len(b):
        return abs(len(a) - len(b)) == 1
    other_at = [n for n, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    swapped = len(other_at) == 2 and a[other_at[0] : other_at[1] + 1] == b[other_at[0] : other_at[1] + 1][::-1]
    return len(other_at) == 1 or swapped
