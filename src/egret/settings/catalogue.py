"""The catalogue and the resolvers, ready to be asked; the bundled ones without reading YAML again (``shelf``)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from egret import model
from egret.catalog import hosts
from egret.catalog import resolvers as asked
from egret.catalog.match import Catalog
from egret.catalog.resolvers import Resolver, Resolvers
from egret.errors import CatalogError, ConfigErrors
from egret.model import Signature
from egret.settings import bundled, packed, shelf
from egret.settings.bundled import entries, read, signatures_dir

# What decides what is kept.
_CODE = ("catalogue", "signatures", "signature_file", "schema", "positions", "packed", "resolvers")
_CORE = (model, hosts, asked)


def load_catalog(directories: Sequence[Path] | None = None, disabled: Collection[str] = ()) -> Catalog:
    """Load all ``*.yaml`` files of *directories* (None: the bundled catalogue) but for the *disabled* signatures.

    A signature in a later directory replaces the one of the same id in an earlier directory.

    Raises:
        ConfigErrors: every error of every file; there is not one signature.
    """
    directories = [signatures_dir()] if directories is None else directories
    found = _bundled() if list(directories) == [signatures_dir()] else _read(directories)
    signatures = [signature for signature in found if signature.id not in disabled]
    if not signatures:  # a watch for nothing would look healthy
        where = ", ".join(map(str, directories))
        hint = "name a folder with *.yaml files, or use the bundled catalogue"
        raise ConfigErrors([CatalogError(f"{where}: no signature to use, so nothing would be recognised", None, hint)])
    return Catalog(signatures, _version(signatures, directories))


def bundled_resolvers() -> Resolvers:
    """As ``settings.resolvers.load_resolvers`` gives them.

    Raises:
        ConfigErrors: every error of their file.
    """
    return Resolvers(shelf.kept("resolvers", _sources(), _read_resolvers, _pack_resolvers, _unpack_resolvers))


def _bundled() -> list[Signature]:
    return shelf.kept("catalogue", _sources(), lambda: _read([signatures_dir()]), packed.pack, packed.unpack)


def _sources() -> Iterator[Path]:
    yield from sorted(signatures_dir().rglob("*.y*ml"))  # of some it is said that they are not read
    yield from (Path(bundled.__file__).with_name(f"{name}.py") for name in _CODE)
    yield from (Path(str(module.__file__)) for module in _CORE)


def _read(directories: Sequence[Path]) -> list[Signature]:
    from egret.settings.signatures import load_located  # noqa: PLC0415 (needs PyYAML and models that cost a tenth of a second)

    return [item.signature for item in load_located(directories)]


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


def _version(signatures: Iterable[Signature], directories: Iterable[Path]) -> str:
    """The day of the last review and a hash of the files: equal if and only if the catalogue is."""
    digest = hashlib.sha256()
    for path in chain.from_iterable(map(entries, directories)):
        if path.suffix == ".yaml":
            digest.update(path.name.encode() + b"\0" + read(path) + b"\0")
    latest = max((signature.last_reviewed for signature in signatures), default="empty")
    return f"{latest.replace('-', '.')}+{digest.hexdigest()[:8]}"
