"""What is other in a new catalogue: signature by signature, and name by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from egret.catalog.match import Catalog
from egret.model import HostKind, Match, Scope, Severity, Signature
from egret.value import Struct

SeverityOf = Callable[[Signature, str | None], Severity]


class What(StrEnum):
    """What became of a signature."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Fact(NamedTuple):
    """A fact of a signature, before and after."""

    name: str
    old: str
    new: str


class Change(Struct, frozen=True, kw_only=True):
    """What became of one signature; *added* and *removed* are its hosts and networks: ``suffix x.example``."""

    signature: str
    what: What
    facts: tuple[Fact, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class Word(NamedTuple):
    """The catalogue's word on a name."""

    signature: str
    service_class: str
    severity: Severity
    country: str | None
    contested: bool
    region: str | None


class NameChange(NamedTuple):
    """A name on which the two catalogues differ; None: nothing matches it."""

    name: str
    old: Word | None
    new: Word | None


def changes(old: Catalog, new: Catalog) -> list[Change]:
    """Every signature that is not the same, by id. Texts (reasons, notes, sources, examples) do not count."""
    before = {signature.id: signature for signature in old.signatures}
    after = {signature.id: signature for signature in new.signatures}
    found = (_change(each, before.get(each), after.get(each)) for each in sorted(before.keys() | after.keys()))
    return [
        change for change in found if change.what is not What.CHANGED or change.facts or change.added or change.removed
    ]


def _change(signature_id: str, old: Signature | None, new: Signature | None) -> Change:
    hosts_old, hosts_new = _hosts(old), _hosts(new)
    what = What.CHANGED if old and new else What.ADDED if new else What.REMOVED
    facts_old, facts_new = _facts(old), _facts(new)
    return Change(
        signature=signature_id,
        what=what,
        facts=tuple(
            Fact(name, facts_old.get(name, ""), facts_new.get(name, ""))
            for name in facts_old | facts_new
            if facts_old.get(name) != facts_new.get(name)
        ),
        added=tuple(sorted(hosts_new - hosts_old)),
        removed=tuple(sorted(hosts_old - hosts_new)),
    )


def _hosts(signature: Signature | None) -> set[str]:
    if signature is None:
        return set()
    ports = f" ports {' '.join(map(str, sorted(signature.ports)))}" if signature.ports else ""
    hosts = {
        f"{host.kind} {host.pattern}"
        + (f" in {host.region}" if host.region else "")
        + (_documented(host.scope) if host.scope != signature.scope else "")
        for host in signature.hosts
    }
    return hosts | {f"network {network}{ports}" for network in signature.networks}


def _documented(scope: Scope | None) -> str:
    """What counts of a documented scope; its words are texts."""
    if scope is None:
        return ""
    return _DOCUMENTED[scope.includes_mainland]


_DOCUMENTED = {
    True: ", documented with the mainland",
    False: ", documented without the mainland",
    None: ", documented",
}


def _facts(signature: Signature | None) -> dict[str, str]:
    if signature is None:
        return {}
    operator = signature.operator
    return {
        "vendor": signature.vendor,
        "service": signature.service,
        "category": signature.category.value,
        "class": signature.service_class.value,
        "operator": f"{operator.country or 'unknown'}{', contested' if operator.contested else ''}",
        "entity": operator.entity or "",
        "scope": _documented(signature.scope).removeprefix(", "),
    }


def known_names(*catalogs: Catalog) -> set[str]:
    """The names that the catalogues themselves know: examples, counter-examples and literal hosts."""
    signatures = [signature for catalog in catalogs for signature in catalog.signatures]
    written = {name for each in signatures for name in (*each.examples, *each.counter_examples)}
    return written | {h.pattern for each in signatures for h in each.hosts if h.kind is not HostKind.WILDCARD}


def name_changes(old: Catalog, new: Catalog, names: Iterable[str], severity_of: SeverityOf) -> list[NameChange]:
    """Those of *names* (canonical) on which the catalogues differ, sorted."""
    both = ((name, old.match_name(name), new.match_name(name)) for name in sorted(set(names)))
    found = (NameChange(name, _word(before, severity_of), _word(after, severity_of)) for name, before, after in both)
    return [each for each in found if each.old != each.new]


def _word(match: Match | None, severity_of: SeverityOf) -> Word | None:
    if match is None:
        return None
    signature, operator = match.signature, match.signature.operator
    severity = severity_of(signature, match.region)
    return Word(
        signature.id, signature.service_class.value, severity, operator.country, operator.contested, match.region
    )
