"""Proves a catalogue: its examples, its order, its sources and its age; says where and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain

from egret import names
from egret.catalog import lint_hosts
from egret.catalog.countries import CODES
from egret.catalog.finding import Finding, Rule
from egret.catalog.located import Located
from egret.catalog.match import Catalog
from egret.model import Category, ServiceClass

STALE_AFTER_DAYS = 365


def lint(located: Sequence[Located], today: date, stale_after_days: int = STALE_AFTER_DAYS) -> list[Finding]:
    """Everything to put right in *located*, in the order of the files; *today* ages the reviews."""
    claims = lint_hosts.claims(located)
    found = chain(
        prove(located),
        lint_hosts.duplicates(claims),
        lint_hosts.duplicate_networks(located),
        lint_hosts.redundant(claims),
        lint_hosts.shadows(claims),
        lint_hosts.ambiguous(claims),
        lint_hosts.typos(claims),
        chain.from_iterable(_facts(item) for item in located),
        chain.from_iterable(_age(item, today, stale_after_days) for item in located),
    )
    return sorted(set(found), key=lambda f: (f.place.file, f.place.line, f.place.column, f.rule, f.message))


def prove(located: Sequence[Located]) -> Iterator[Finding]:
    """Every example that its signature does not get and every counter-example that it gets."""
    catalog = Catalog([item.signature for item in located], "lint")
    for item in located:
        yield from _prove_examples(item, catalog)
        yield from _prove_counter_examples(item, catalog)


def _prove_examples(item: Located, catalog: Catalog) -> Iterator[Finding]:
    for example, place in zip(item.signature.examples, item.examples, strict=True):
        if names.from_host(example.encode()) != example:
            yield Finding(
                place, Rule.EXAMPLE, f"'{example}' is no host name", "lower case, no final dot, no port, no path"
            )
            continue
        match = catalog.match_name(example)
        if match is None:
            yield Finding(
                place, Rule.EXAMPLE, f"'{example}' matches nothing", "add a host for it, or remove the example"
            )
        elif match.signature is not item.signature:
            message = f"'{example}' goes to '{match.signature.id}' by '{match.pattern}'"
            yield Finding(place, Rule.EXAMPLE, message, "make the host here more specific, or move the example")


def _prove_counter_examples(item: Located, catalog: Catalog) -> Iterator[Finding]:
    for example, place in zip(item.signature.counter_examples, item.counter_examples, strict=True):
        match = catalog.match_name(example)
        if match and match.signature is item.signature:
            message = f"'{example}' must not match but does, by '{match.pattern}'"
            yield Finding(
                place, Rule.COUNTER_EXAMPLE, message, "make that host narrower, or remove the counter-example"
            )


def _facts(item: Located) -> Iterator[Finding]:
    signature = item.signature
    if signature.hosts and not signature.examples:
        yield Finding(item.place, Rule.NO_EXAMPLE, f"'{signature.id}' has no examples", "add 'examples: [...]'")
    if not signature.operator.source or not signature.operator.date:
        remedy = "add 'source' and 'date' to the operator"
        yield Finding(item.place, Rule.SOURCE, f"'{signature.id}' does not say who says so of its operator", remedy)
    if not signature.references:
        yield Finding(item.place, Rule.SOURCE, f"'{signature.id}' has no references", "add 'references: [...]'")
    if not signature.reasons:
        yield Finding(item.place, Rule.SOURCE, f"'{signature.id}' has no reasons", "add 'reasons: [...]'")
    if (signature.service_class is ServiceClass.RESOLVER) != (signature.category is Category.RESOLVER):
        message = f"'{signature.id}': class '{signature.service_class}' with category '{signature.category}'"
        yield Finding(item.place, Rule.CLASS, message, "class and category 'resolver' go together")
    for host, place in zip(signature.hosts, item.hosts, strict=True):
        if not host.source:
            yield Finding(place, Rule.SOURCE, f"'{host.pattern}' has no source", "add 'source: ...' beside it")
        if host.region and (host.region[:2] not in CODES or host.region[2:3] not in ("", " ")):
            remedy = "write the country first: CN (cn-beijing)"
            yield Finding(place, Rule.REGION, f"unknown region '{host.region}'", remedy)
        if host.region and host.region[:2] == "CN" and host.scope and host.scope.includes_mainland is False:
            message = f"'{host.pattern}' states {host.region}, and its scope leaves the mainland out"
            yield Finding(place, Rule.SCOPE, message, "correct 'region', or give the host a scope of its own")


def _age(item: Located, today: date, stale_after_days: int) -> Iterator[Finding]:
    days = (today - date.fromisoformat(item.signature.last_reviewed)).days
    if days < 0:
        message = f"'{item.signature.id}' was last reviewed in the future: {item.signature.last_reviewed}"
        yield Finding(item.place, Rule.STALE, message, "correct 'last_reviewed'")
    elif days > stale_after_days:
        message = f"'{item.signature.id}' was last reviewed {days} days ago"
        yield Finding(item.place, Rule.STALE, message, "review it and update 'last_reviewed'")
    read = {host.scope.date: place for host, place in zip(item.signature.hosts, item.hosts, strict=True) if host.scope}
    for day, place in read.items():
        days = (today - date.fromisoformat(day)).days
        if days < 0 or days > stale_after_days:
            when = "in the future" if days < 0 else f"{days} days ago"
            yield Finding(
                place, Rule.STALE, f"the scope's source was read {when}: {day}", "read it again, and say when"
            )
