"""Signed catalogues: proved whole, then put in the place of the one before, which is kept.

A bundle is one JSON object with the catalogue's files as texts: no archive, so no path, no link and no bomb. Its
signature is checked before anything in it is read. Under ``<state>/catalogue``, ``v<version>/`` holds the files and
``installed.json`` says which are in use: replacing that one small file is the switch.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from egret.catalog.finding import Rule
from egret.catalog.lint import lint
from egret.errors import ConfigErrors, UpdateError
from egret.names import printable
from egret.settings import ed25519
from egret.settings.bundled import RESOLVERS
from egret.settings.installed import Installed, Version, current, place, read_index
from egret.settings.places import INDEX
from egret.settings.resolvers import load_resolvers
from egret.settings.signature_file import IsoDate
from egret.settings.signatures import SHARED, load_located

MAX_BYTES = 16 << 20  # the bundled catalogue is half a megabyte
MAX_SIGNATURE = 1024
MAX_FILES = 2_000
_FILE = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}\.yaml")
_BROKEN = {
    Rule.EXAMPLE,
    Rule.COUNTER_EXAMPLE,
    Rule.DUPLICATE,
}  # what makes a catalogue say something else than it means


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Bundle(_Model):
    """What a bundle file holds."""

    format: Literal["egret-catalogue-1"]
    version: Version  # may only rise
    created: IsoDate
    expires: IsoDate  # refused after that day: who withholds updates cannot do so for long
    files: Annotated[dict[str, str], Field(min_length=1, max_length=MAX_FILES)]


def open_bundle(data: bytes, signature: str, keys: Collection[str], today: date) -> Bundle:
    """Check signature, shape and dates.

    Raises:
        UpdateError: it cannot be used, and why.
    """
    if not keys:
        raise UpdateError("no public key is trusted; set catalog.update.public_keys")
    if len(data) > MAX_BYTES:
        raise UpdateError(f"the bundle is larger than {MAX_BYTES >> 20} MiB")
    if not ed25519.verified(data, signature, keys):
        raise UpdateError("the signature is not of a trusted key; nothing was changed")
    try:
        bundle = Bundle.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise UpdateError(printable(f"the bundle is not one: {where}: {first['msg']}")) from None
    if bad := next((name for name in bundle.files if not _FILE.fullmatch(name)), None):
        raise UpdateError(f"the bundle holds a file that is no signature file: '{printable(bad)}'")
    if SHARED not in bundle.files:
        raise UpdateError(f"the bundle is no whole catalogue: it has no {SHARED}")
    if date.fromisoformat(bundle.expires) < today:
        raise UpdateError(f"the bundle expired on {bundle.expires}; ask its publisher for a newer one")
    return bundle


def install(bundle: Bundle, folder: Path, today: date) -> Path:
    """Prove the catalogue of *bundle*, then use it; the folder of its files.

    Raises:
        UpdateError: it is not newer, not sound, or cannot be written; nothing was changed.
    """
    index = read_index(folder)
    if bundle.version <= index.highest:
        raise UpdateError(f"version {bundle.version} is not newer than {index.highest}, which was installed here")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # the daemon is another user than the one who updates
        with tempfile.TemporaryDirectory(dir=folder, prefix="new-") as temporary:
            staged = Path(temporary) / "files"
            _write(bundle, staged)
            _prove(staged, today)
            target = place(folder, bundle.version)
            shutil.rmtree(target, ignore_errors=True)  # of a run that was cut off
            staged.rename(target)
        new = Installed(current=bundle.version, previous=index.current, highest=bundle.version)
        _write_index(folder, new)
    except OSError as error:
        raise UpdateError(f"{error.filename or folder}: {error.strerror}; nothing was changed") from error
    _forget(folder, {new.current, new.previous})
    return target


def rollback(folder: Path) -> Path | None:
    """Use the catalogue before this one again: its folder, or None for the one that came with Egret.

    Raises:
        UpdateError: there is nothing to go back from, or it cannot be written.
    """
    index = read_index(folder)
    if index.current is None:
        raise UpdateError("no update is installed: the catalogue is the one that came with Egret")
    try:
        _write_index(folder, Installed(current=index.previous, previous=None, highest=index.highest))
    except OSError as error:
        raise UpdateError(f"{error.filename or folder}: {error.strerror}") from error
    return current(folder)


def _write(bundle: Bundle, folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    for name, text in bundle.files.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)


def _prove(folder: Path, today: date) -> None:
    """Everything that loading it would find, and that its examples hold."""
    try:
        located = load_located([folder])
        if (folder / RESOLVERS).exists():
            load_resolvers(folder / RESOLVERS)
    except ConfigErrors as error:
        first = str(error.errors[0]).replace(f"{folder}/", "")
        raise UpdateError(f"the catalogue does not load: {first}; nothing was changed") from None
    broken = [finding for finding in lint(located, today) if finding.rule in _BROKEN]
    if broken or not located:
        first = str(broken[0]).replace(f"{folder}/", "") if broken else "no signatures"
        raise UpdateError(f"the catalogue does not prove itself: {first}; nothing was changed")


def _write_index(folder: Path, index: Installed) -> None:
    partial = folder / f"{INDEX}.partial"
    with partial.open("w", encoding="utf-8") as file:
        file.write(json.dumps(index.model_dump()) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.chmod(0o644)
    partial.replace(folder / INDEX)


def _forget(folder: Path, kept: Collection[int | None]) -> None:
    names = {f"v{version}" for version in kept}
    for old in folder.glob("v*"):
        if old.name not in names:
            shutil.rmtree(old, ignore_errors=True)


def day_of(time_s: float) -> date:
    """The day, UTC, of seconds since the epoch."""
    return datetime.fromtimestamp(time_s, UTC).date()
