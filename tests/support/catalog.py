"""Signatures made for tests, and the naive loop that the index is proved against."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from egret.catalog.hosts import matches
from egret.catalog.match import Catalog
from egret.model import Category, HostKind, HostPattern, Match, Operator, ServiceClass, Signature
from egret.settings.catalogue import load_catalog

VENDOR = """\
vendor: Example
operator: {country: CN, source: a register, date: 2026-11-01}
last_reviewed: 2026-11-01
references: [a list]
reasons:
  - {text: a claim, source: somebody, date: 2026-11-01}
signatures:
"""


@functools.cache
def bundled() -> Catalog:
    """The bundled catalogue, read once for all tests of a process."""
    return load_catalog()


def host(text: str, region: str | None = None) -> HostPattern:
    """``exact:a.b``, ``suffix:a.b`` or ``wildcard:*.a.b`` as a pattern."""
    kind, _, pattern = text.partition(":")
    return HostPattern(kind=HostKind(kind), pattern=pattern, region=region, source="a list")


def signature(
    signature_id: str,
    *hosts: str | HostPattern,
    service_class: ServiceClass = ServiceClass.AI,
    contested: bool = False,
    networks: tuple[str, ...] = (),
    ports: tuple[int, ...] = (),
) -> Signature:
    """A signature with these hosts."""
    return Signature(
        id=signature_id,
        vendor="Example",
        service=signature_id,
        category=Category.RESOLVER if service_class is ServiceClass.RESOLVER else Category.CHAT,
        service_class=service_class,
        operator=Operator(country="CN", contested=contested, source="a register", date="2026-11-01"),
        hosts=tuple(h if isinstance(h, HostPattern) else host(h) for h in hosts),
        networks=networks,
        ports=ports,
    )


def write(directory: Path, body: str, name: str = "example.yaml", head: str = VENDOR) -> Path:
    """Write a vendor file into *directory*; *body* is the list below ``signatures:``."""
    path = directory / name
    path.write_text(head + body)
    return path


def naive_find(signatures: Sequence[Signature], name: str) -> Match | None:
    """The most specific match by trying every pattern, in the order that ``catalog.index`` documents."""
    found = [
        (_rank(h), Match(s, h.pattern, h.region, h.scope)) for s in signatures for h in s.hosts if matches(h, name)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None  # max keeps the first of equals


def _rank(pattern: HostPattern) -> tuple[int, int, int]:
    kind = (HostKind.SUFFIX, HostKind.WILDCARD, HostKind.EXACT).index(pattern.kind)
    tail = re.sub(r"^.*\*[^.]*\.", "", pattern.pattern)
    return kind, tail.count("."), len(pattern.pattern) - pattern.pattern.count("*")
