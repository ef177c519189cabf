"""What of the catalogue an export is about, and what holds for every format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from egret import names
from egret.catalog import hosts
from egret.catalog.match import Catalog
from egret.errors import CatalogError
from egret.model import HostKind, HostPattern, ServiceClass, Severity, Signature
from egret.value import Struct

DEFAULT_CLASSES = frozenset({ServiceClass.AI, ServiceClass.EMBEDDED})
LICENCE = "MIT"

StateOf = Callable[[Signature], str]
SeverityOf = Callable[[Signature, str | None], Severity]


class Target(NamedTuple):
    """One chosen host pattern, whose it is and how much it matters."""

    host: HostPattern
    signature: Signature
    severity: Severity


class Export(NamedTuple):
    """The file, and what the format cannot say: it is in the file's head too, where the format has comments."""

    text: str
    left_out: tuple[str, ...] = ()


class Wanted(Struct, frozen=True, kw_only=True):
    """Which part of the catalogue; an empty set of vendors or states is all of them."""

    classes: Collection[ServiceClass] = DEFAULT_CLASSES
    vendors: Collection[str] = ()
    min_severity: Severity = Severity.INFO
    states: Collection[str] = ()  # of approval

    def takes(self, signature: Signature) -> bool:
        """Whether class and vendor are wanted."""
        return signature.service_class in self.classes and (not self.vendors or signature.vendor in self.vendors)

    def __str__(self) -> str:
        parts = ["classes " + " ".join(sorted(each.value for each in self.classes))]
        parts += ["vendors " + ", ".join(sorted(self.vendors))] if self.vendors else []
        parts += ["approval " + " ".join(sorted(self.states))] if self.states else []
        parts += [f"severity {self.min_severity} or more"] if self.min_severity.rank else []
        return "; ".join(parts)


class Selection(Struct, frozen=True, kw_only=True):
    """The chosen part: host patterns in the order of the catalogue, and the signatures with networks."""

    version: str
    reviewed: str  # the newest review among the chosen, an ISO date
    wanted: str
    targets: tuple[Target, ...]
    others: tuple[HostPattern, ...]  # every pattern that was not chosen: some are below a chosen one
    networks: tuple[tuple[Signature, Severity], ...]

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """The signatures that have a host or a network in it, each once."""
        found = {target.signature.id: target.signature for target in self.targets}
        return tuple((found | {signature.id: signature for signature, _ in self.networks}).values())

    def head(self, left_out: Collection[str] = ()) -> list[str]:
        """The lines that head a file, without comment signs; no clock, so equal catalogues make equal files."""
        lines = [
            f"Egret catalogue {self.version}, last reviewed {self.reviewed or 'never'}, licence {LICENCE}",
            f"{self.wanted}: {len(self.targets)} host patterns of {len(self.signatures)} services",
        ]
        return [names.printable(line) for line in (*lines, *(f"not said here: {each}" for each in left_out))]


def select(
    catalog: Catalog, wanted: Wanted, severity_of: SeverityOf, state_of: StateOf = lambda _: "unreviewed"
) -> Selection:
    """Choose; *severity_of* judges a signature and the region that a host of it states, *state_of* its approval.

    Raises:
        CatalogError: a host pattern that is none: nothing else may reach a file that another program obeys.
    """
    chosen: list[Target] = []
    others: list[HostPattern] = []
    networks: list[tuple[Signature, Severity]] = []
    for signature in catalog.signatures:
        takes = wanted.takes(signature) and (not wanted.states or state_of(signature) in wanted.states)
        for host in signature.hosts:
            _check(host)
            severity = severity_of(signature, host.region)
            if takes and severity.rank >= wanted.min_severity.rank:
                chosen.append(Target(host, signature, severity))
            else:
                others.append(host)
        severity = severity_of(signature, None)
        if takes and signature.networks and severity.rank >= wanted.min_severity.rank:
            networks.append((signature, severity))
    used = [target.signature for target in chosen] + [signature for signature, _ in networks]
    return Selection(
        version=catalog.version,
        reviewed=max((signature.last_reviewed for signature in used), default=""),
        wanted=str(wanted),
        targets=tuple(chosen),
        others=tuple(others),
        networks=tuple(networks),
    )


def _check(host: HostPattern) -> None:
    if remedy := hosts.problem(host.kind, host.pattern):
        raise CatalogError(f"bad host '{host.pattern}'", None, remedy)


def label_expression(pattern: str) -> str:
    """A wildcard pattern as an anchored regular expression that PCRE, POSIX, Go and JavaScript read alike."""
    return "^" + "[^.]+".join(re.escape(part).replace(r"\-", "-") for part in pattern.split("*")) + "$"


def below(name: str, suffixes: Collection[str]) -> bool:
    """Whether *name* is one of *suffixes* or below one."""
    while name:
        if name in suffixes:
            return True
        name = name.partition(".")[2]
    return False


def known_names(target: Target) -> list[str]:
    """The names that the catalogue knows for a pattern: for formats that know no patterns."""
    literal = [] if target.host.kind is HostKind.WILDCARD else [target.host.pattern]
    return sorted({*literal, *(each for each in target.signature.examples if hosts.matches(target.host, each))})


def quoted(text: str) -> str:
    """*text* as a JSON string, which YAML reads as well; ASCII only."""
    return json.dumps(names.printable(text))


def ascii_text(text: str) -> str:
    """*text* in printable ASCII, other characters escaped."""
    return names.printable(text).encode("ascii", "backslashreplace").decode("ascii")
