"""Reads the catalogue's YAML files into signatures, all errors of all files in one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

from egret.catalog import hosts
from egret.catalog.located import Located
from egret.errors import CatalogError, ConfigError, ConfigErrors, Position
from egret.model import Category, HostKind, HostPattern, Operator, Reasoning, Scope, ServiceClass, Signature
from egret.settings import positions, schema
from egret.settings.bundled import entries, is_held
from egret.settings.signature_file import (
    HostFields,
    OperatorFields,
    ReasonFields,
    ScopeFields,
    SharedFile,
    SignatureFields,
    SilenceFile,
    VendorFile,
)
from egret.settings.suggest import suggest
from egret.value import replace

T = TypeVar("T")
SHARED = "_shared.yaml"
SILENCE = "_silence.yaml"
_AI_INSIDE = (ServiceClass.AI, ServiceClass.EMBEDDED)


def load_located(directories: Sequence[Path]) -> list[Located]:
    """The signatures of *directories* with their places; every error of every file in one run.

    A signature in a later directory replaces the one of the same id in an earlier directory.

    A ``_silence.yaml`` takes away what its folder and those before it have.
    """
    errors: list[ConfigError] = []
    shared = _Shared()
    found: dict[str, Located] = {}
    for directory in directories:
        files = _files(directory, errors)
        shared.read(files.get(SHARED), errors)
        here: dict[str, Located] = {}
        for item in chain.from_iterable(
            _read_vendor(path, shared, errors) for name, path in files.items() if not name.startswith("_")
        ):
            if first := here.get(item.signature.id):
                hint = f"first at {first.place}"
                errors.append(CatalogError(f"duplicate signature '{item.signature.id}'", item.place, hint))
            here[item.signature.id] = item
        found |= here
        _silence(files.get(SILENCE), found, errors)
    if errors:
        raise ConfigErrors(schema.in_order(errors))
    return list(found.values())


def _files(directory: Path, errors: list[ConfigError]) -> dict[str, Path]:
    """The signature files of *directory*, by name and in order; a folder that cannot be looked into is an error."""
    try:
        there = entries(directory)
        below = list(_below(there))
    except (FileNotFoundError, NotADirectoryError):
        errors.append(CatalogError(f"{directory}: no such folder", None, "name a folder that holds signature files"))
        return {}
    except OSError as error:
        errors.append(CatalogError(f"{directory}: cannot be read: {error.strerror}", None, positions.remedy(error)))
        return {}
    hint = "signature files end in .yaml: rename it"
    errors += (CatalogError(f"{path}: is not read", None, hint) for path in there if path.suffix == ".yml")
    hint = "signature files stand in the folder itself: move it there"
    errors += (CatalogError(f"{path}: is not read", None, hint) for path in below)
    return {path.name: path for path in there if path.suffix == ".yaml"}


def _below(there: Iterable[Path]) -> Iterator[Path]:
    """Signature files in folders among *there*."""
    for path in there:
        if not (path.name.startswith(".") or is_held(path)) and path.is_dir():
            yield from sorted(path.glob("*.yaml"))


def _silence(path: Path | None, found: dict[str, Located], errors: list[ConfigError]) -> None:
    """Take out of *found* what ``_silence.yaml`` names."""
    if path is None:
        return
    try:
        document = positions.load(path)
        named = schema.validate(SilenceFile, document).silence
    except ConfigErrors as error:
        errors += error.errors
        return
    for index, name in enumerate(named):
        if name not in found:
            hint = suggest(name, found) or "`egret catalog list` shows them"
            place = document.position(("silence", index))
            errors.append(CatalogError(f"unknown signature '{name}'", place, hint))
    for name in named:
        found.pop(name, None)


class _Shared:
    """Reasons and alternatives that files refer to; a later directory's add to and replace an earlier's."""

    def __init__(self) -> None:
        self.reasons: dict[str, ReasonFields] = {}
        self._default_reasons: dict[str, list[str]] = {}
        self._category_reasons: dict[Category, list[str]] = {}
        self._alternatives: dict[Category, list[str]] = {}

    def read(self, path: Path | None, errors: list[ConfigError]) -> None:
        if path is None:
            return
        try:
            document = positions.load(path)
            shared = schema.validate(SharedFile, document)
        except ConfigErrors as error:
            errors += error.errors
            return
        self.reasons |= shared.reasons
        self._default_reasons |= shared.default_reasons
        self._category_reasons |= shared.category_reasons
        self._alternatives |= shared.alternatives
        errors += self._unknown_reasons(document, "default_reasons", shared.default_reasons.items())
        errors += self._unknown_reasons(document, "category_reasons", shared.category_reasons.items())

    def _unknown_reasons(
        self, document: positions.Document, section: str, groups: Iterable[tuple[str, Sequence[str]]]
    ) -> Iterator[CatalogError]:
        for group, named in groups:
            for index, name in enumerate(named):
                if name not in self.reasons:
                    yield unknown("reason", name, document.position((section, group, index)), self.reasons)

    def default_reasons(self, service_class: ServiceClass, *, contested: bool) -> list[str]:
        plain = self._default_reasons.get(service_class, [])
        return self._known(self._default_reasons.get(f"{service_class}-contested", plain) if contested else plain)

    def category_reasons(self, fields: SignatureFields) -> list[str]:
        return (
            self._known(self._category_reasons.get(fields.category, [])) if fields.service_class in _AI_INSIDE else []
        )

    def _known(self, names: list[str]) -> list[str]:
        return [name for name in names if name in self.reasons]  # the others were said where they stand

    def alternatives(self, fields: SignatureFields) -> list[str]:
        return self._alternatives.get(fields.category, []) if fields.service_class in _AI_INSIDE else []


def unknown(what: str, name: str, place: Position, known: Iterable[str]) -> CatalogError:
    """The error for a *name* that refers to nothing."""
    known = sorted(known)
    return CatalogError(f"unknown {what} '{name}'", place, suggest(name, known) or f"known: {', '.join(known)}")


def _read_vendor(path: Path, shared: _Shared, errors: list[ConfigError]) -> Iterator[Located]:
    try:
        document = positions.load(path)
        vendor = schema.validate(VendorFile, document)
    except ConfigErrors as error:
        errors += error.errors
        return
    reader = _VendorReader(document, vendor, shared)
    yield from (reader.located(index) for index in range(len(vendor.signatures)))
    errors += reader.errors


class _VendorReader:
    """Makes signatures of one vendor's validated file."""

    def __init__(self, document: positions.Document, vendor: VendorFile, shared: _Shared) -> None:
        self._document = document
        self._vendor = vendor
        self._shared = shared
        self.errors: list[ConfigError] = []

    def located(self, index: int) -> Located:
        fields = self._vendor.signatures[index]
        at: positions.Path_ = ("signatures", index)
        scope = self._scope(fields.scope, (*at, "scope"))
        hosts_at = [
            pair for n, entry in enumerate(fields.hosts) for pair in self._hosts(entry, (*at, "hosts", n), scope)
        ]
        signature = self._signature(fields, tuple(host for host, _ in hosts_at), at)
        return Located(
            signature=replace(signature, scope=scope),
            place=self._document.position(at),
            hosts=tuple(place for _, place in hosts_at),
            networks=self._places((*at, "networks"), len(fields.networks)),
            examples=self._places((*at, "examples"), len(fields.examples)),
            counter_examples=self._places((*at, "counter_examples"), len(fields.counter_examples)),
            distinct_from=frozenset(chain.from_iterable(entry.distinct for entry in fields.hosts)),
        )

    def _places(self, path: positions.Path_, count: int) -> tuple[Position, ...]:
        return tuple(self._document.position((*path, index)) for index in range(count))

    def _signature(self, fields: SignatureFields, patterns: tuple[HostPattern, ...], at: positions.Path_) -> Signature:
        vendor = self._vendor
        operator = _operator(vendor.operator, fields.operator)
        alternatives = _first(fields.alternatives, vendor.alternatives, self._shared.alternatives(fields))
        return Signature(
            id=fields.id,
            vendor=vendor.vendor,
            service=fields.service,
            category=fields.category,
            service_class=fields.service_class,
            operator=operator,
            hosts=patterns,
            networks=tuple(fields.networks),
            ports=tuple(fields.ports),
            reasons=tuple(self._reasons(fields, operator, at)),
            alternatives=tuple(alternatives),
            references=tuple(_first(fields.references, vendor.references)),
            examples=tuple(fields.examples),
            counter_examples=tuple(fields.counter_examples),
            last_reviewed=fields.last_reviewed or vendor.last_reviewed,
            note=fields.note or vendor.note or "",
        )

    def _reasons(self, fields: SignatureFields, operator: Operator, at: positions.Path_) -> Iterator[Reasoning]:
        yield from self._resolve(fields.more_reasons, (*at, "more_reasons"))
        if fields.reasons is not None:
            yield from self._resolve(fields.reasons, (*at, "reasons"))
        else:
            defaults = self._shared.default_reasons(fields.service_class, contested=operator.contested)
            yield from self._resolve(_first(self._vendor.reasons, defaults), ("reasons",))
            yield from self._resolve(self._shared.category_reasons(fields), ())

    def _resolve(self, chosen: Sequence[str | ReasonFields], path: positions.Path_) -> Iterator[Reasoning]:
        for index, reason in enumerate(chosen):
            known = self._shared.reasons.get(reason) if isinstance(reason, str) else reason
            if known is None:
                place = self._document.position((*path, index))
                self.errors.append(unknown("reason", str(reason), place, self._shared.reasons))
            else:
                yield Reasoning(text=known.text, source=known.source, date=known.date, counter=known.counter)

    def _scope(self, chosen: str | ScopeFields | None, at: positions.Path_) -> Scope | None:
        fields = self._vendor.scopes.get(chosen) if isinstance(chosen, str) else chosen
        if fields is None:
            if chosen is not None:
                self.errors.append(unknown("scope", str(chosen), self._document.position(at), self._vendor.scopes))
            return None
        return Scope(**fields.model_dump())

    def _hosts(
        self, entry: HostFields, at: positions.Path_, default: Scope | None
    ) -> Iterator[tuple[HostPattern, Position]]:
        many = len(entry.patterns) > 1
        scope = self._scope(entry.scope, (*at, "scope")) or default
        for index, written in enumerate(entry.patterns):
            path = (*at, entry.kind.value, index) if many else (*at, entry.kind.value)
            place = self._document.position(path)
            for pattern, region in self._expand(written, place):
                self._check(entry.kind, pattern, place)
                yield (
                    HostPattern(
                        kind=entry.kind,
                        pattern=pattern,
                        region=entry.region or region,
                        source=entry.source or "",
                        scope=scope,
                    ),
                    place,
                )

    def _expand(self, written: str, place: Position) -> Iterator[tuple[str, str | None]]:
        """``bailian.{mainland}.aliyuncs.com`` is one pattern for each region code of that group, region and all."""
        before, brace, rest = written.partition("{")
        group, _, after = rest.partition("}")
        if not brace:
            yield written, None
        elif group not in self._vendor.regions:
            self.errors.append(unknown("region group", group, place, self._vendor.regions))
        else:
            for code, country in self._vendor.regions[group].items():
                yield f"{before}{code}{after}", f"{country} ({code})"

    def _check(self, kind: HostKind, pattern: str, place: Position) -> None:
        if remedy := hosts.problem(kind, pattern):
            self.errors.append(CatalogError(f"bad host '{pattern}'", place, remedy))


def _operator(vendor: OperatorFields, own: OperatorFields | None) -> Operator:
    merged = vendor.model_copy(update=own.model_dump(exclude_unset=True)) if own else vendor
    return Operator(
        country=merged.country,
        contested=merged.contested,
        entity=merged.entity,
        source=merged.source or "",
        date=merged.date or "",
    )


def _first(*choices: Sequence[T] | None) -> Sequence[T]:
    """The first choice that was made, an empty one included."""
    return next((choice for choice in choices if choice is not None), ())
