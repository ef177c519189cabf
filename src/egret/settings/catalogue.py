"""The catalogue and the resolvers, ready to be asked; the bundled ones without reading YAML again (``shelf``)."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import filter as matching
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import egret
from egret.catalog.match import Catalog
from egret.catalog.resolvers import Resolver, Resolvers
from egret.errors import CatalogError, ConfigErrors
from egret.model import Signature
from egret.settings import packed, shelf
from egret.settings.bundled import RESOLVERS, entries, read, signatures_dir

# What decides what is kept.
_CODE = (
    "settings/catalogue",
    "settings/signatures",
    "settings/signature_file",
    "settings/schema",
    "settings/positions",
    "settings/packed",
    "settings/resolvers",
    "model",
    "catalog/hosts",
    "catalog/resolvers",
)


class _Read(NamedTuple):
    """What the files of a catalogue say, and a hash of them."""

    signatures: list[Signature]
    digest: str


def load_catalog(directories: Sequence[Path] | None = None, disabled: Collection[str] = ()) -> Catalog:
    """Load all ``*.yaml`` files of *directories* (None: the bundled catalogue) but for the *disabled* signatures.

    A signature in a later directory replaces the one of the same id in an earlier directory.

    Raises:
        ConfigErrors: every error of every file; there is not one signature.
    """
    directories = [signatures_dir()] if directories is None else directories
    found, digest = _bundled() if list(directories) == [signatures_dir()] else _read(directories)
    signatures = [signature for signature in found if signature.id not in disabled]
    if not signatures:  # a watch for nothing would look healthy
        where = ", ".join(map(str, directories))
        hint = "name a folder with *.yaml files, or use the bundled catalogue"
        raise ConfigErrors([CatalogError(f"{where}: no signature to use, so nothing would be recognised", None, hint)])
    return Catalog(signatures, _version(signatures, digest))


def bundled_resolvers() -> Resolvers:
    """As ``settings.resolvers.load_resolvers`` gives them.

    Raises:
        ConfigErrors: every error of their file.
    """
    sources = _sources([f"{signatures_dir()}/{RESOLVERS}"])
    return Resolvers(shelf.kept("resolvers", sources, _read_resolvers, _pack_resolvers, _unpack_resolvers))


def _bundled() -> _Read:
    return shelf.kept("catalogue", _sources(_files()), lambda: _read([signatures_dir()]), _pack, _unpack)


def _files() -> Iterator[str]:
    """Every file of the catalogue; found when they are asked for, which ``shelf`` does where they are out of reach."""
    for folder, _, names in sorted(os.walk(signatures_dir())):
        found = matching(names, "*.y*ml")  # of some it is said that they are not read
        yield from sorted(f"{folder}/{name}" for name in found)


def _sources(files: Iterable[str]) -> Iterator[str]:
    yield from files
    here = str(egret.__file__).rpartition("/")[0]
    yield from (f"{here}/{name}.py" for name in _CODE)


def _pack(read: _Read) -> list[Any]:
    return [packed.pack(read.signatures), read.digest]


def _unpack(plain: Sequence[Any]) -> _Read:
    signatures, digest = plain
    return _Read(packed.unpack(signatures), str(digest))


def _read(directories: Sequence[Path]) -> _Read:
    from egret.settings.signatures import load_located  # noqa: PLC0415 (needs PyYAML and models that cost a tenth of a second)

    return _Read([item.signature for item in load_located(directories)], _digest(directories))


def _read_resolvers() -> tuple[Resolver, ...]:
    from egret.settings.resolvers import load_resolvers  # noqa: PLC0415 (as above)

    return load_resolvers().resolvers


def _pack_resolvers(resolvers: Iterable[Resolver]) -> list[list[Any]]:
    return [[each.operator, each.country, each.names, [ip.hex() for ip in each.addresses]] for each in resolvers]


def _unpack_resolvers(plain: Iterable[Sequence[Any]]) -> tuple[Resolver, ...]:
    return tuple(
        Resolver(operator=operator, country=country, names=tuple(names), addresses=tuple(map(bytes.fromhex, addresses)))
        for operator, country, names, addresses in plain
    )


def _version(signatures: Iterable[Signature], digest: str) -> str:
    """The day of the last review and a hash of the files: equal if and only if the catalogue is."""
    latest = max((signature.last_reviewed for signature in signatures), default="empty")
    return f"{latest.replace('-', '.')}+{digest[:8]}"


def _digest(directories: Iterable[Path]) -> str:
    import hashlib  # noqa: PLC0415 (as above)

    digest = hashlib.sha256()
    for path in chain.from_iterable(map(entries, directories)):
        if path.suffix == ".yaml":
            digest.update(path.name.encode() + b"\0" + read(path) + b"\0")
    return digest.hexdigest()
