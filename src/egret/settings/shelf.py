"""What was read of bundled YAML files, kept as JSON where Python keeps its own compiled modules.

The YAML stays the truth: what is kept holds for exactly those bytes of it and of the code that reads it. They are the
same where the files are, by their length, times and number on the disk; where those differ, the bytes are looked at.
Whatever is missing, of other bytes or broken is read anew, and kept where that can be written. Who may write there may
change the code itself, so it is believed as much; ``PYTHONDONTWRITEBYTECODE`` leaves it aside as it does the rest.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, TypeVar, cast

from egret.value import read_json

T = TypeVar("T")
_MODE = 0o644
_SETTLED_NS = 5_000_000_000  # far above the steps that a file system tells times in
_BROKEN = (ValueError, LookupError, TypeError, AttributeError)


def kept(
    name: str, sources: Iterable[str], read: Callable[[], T], pack: Callable[[T], Any], unpack: Callable[[Any], T]
) -> T:
    """What *read* gives, without reading where that was done before.

    Args:
        name: of what is kept.
        sources: paths of every file that it depends on, code included.
        read: reads it; raises what it will.
        pack: makes plain JSON of it.
        unpack: the reverse.
    """
    try:
        files, place = list(sources), _place(name)
        stamps = _stamps(files)
        found = _noted(place)
        with suppress(*_BROKEN):
            if stamps is not None and found["stamps"] == stamps:
                return unpack(found["value"])
        key = _key(files)
    except (OSError, NotImplementedError):  # no source (only compiled modules), or a Python that keeps none
        return read()
    with suppress(*_BROKEN):
        if found["key"] == key:
            value = unpack(found["value"])
            if stamps is not None:  # other files, of the same bytes
                _note(place, found | {"stamps": stamps})
            return value
    value = read()
    _note(place, {"stamps": stamps, "key": key, "value": pack(value)})
    return value


def digest_of(path: Path, read: Callable[[], bytes]) -> tuple[bytes, str]:
    """The bytes of a large file that ships with Egret, and their SHA-256 in hexadecimal.

    It is computed once for a file, as Python compiles a module once.

    Args:
        path: of the file.
        read: reads it; raises what it will.
    """
    stamp = _stamp_or_none(path)
    data = read()
    if stamp is None:
        return data, _sha256(data)
    place = _place(path.name)
    found = _noted(place)
    with suppress(*_BROKEN):
        if found["stamp"] == stamp and isinstance(found["digest"], str):
            return data, found["digest"]
    digest = _sha256(data)
    if _stamp_or_none(path) == stamp:
        _note(place, {"stamp": stamp, "digest": digest})
    return data, digest


def _stamp(path: str | Path) -> str | None:
    """What changes with a file: its length, its times, its number on the disk.

    None where it may be written to once more and this not change: lately it was written to.

    Raises:
        OSError: it cannot be looked at.
    """
    found = os.stat(path)  # noqa: PTH116 (of a hundred files at each start)
    if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) < _SETTLED_NS:
        return None
    return f"{str(path)!a} {found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def _stamps(paths: Iterable[str]) -> list[str] | None:
    stamps = list(map(_stamp, paths))
    return None if None in stamps else cast("list[str]", stamps)


def _stamp_or_none(path: Path) -> str | None:
    """The same; None as well where Python keeps nothing."""
    try:
        cache_from_source(__file__)
        return _stamp(path)
    except (OSError, NotImplementedError):
        return None


def _place(name: str) -> Path:
    return Path(cache_from_source(__file__)).with_name(f"{name}.json")


def _key(paths: Iterable[str]) -> str:
    whole = bytearray()
    for path in map(Path, paths):
        data = path.read_bytes()
        whole += f"{path.name}\0{len(data)}\0".encode() + data
    return _sha256(whole)


def _sha256(data: bytes | bytearray) -> str:
    import hashlib  # noqa: PLC0415 (with OpenSSL, for what most starts need not compute)

    return hashlib.sha256(data).hexdigest()


def _noted(place: Path) -> Any:
    """What is kept there; None if it cannot be read."""
    try:
        return read_json(place.read_bytes())
    except (OSError, ValueError):
        return None


def _note(place: Path, found: dict[str, Any]) -> None:
    import json  # noqa: PLC0415 (as above)

    if not sys.dont_write_bytecode:
        _keep(place, json.dumps(found, separators=(",", ":")))


def _keep(place: Path, text: str) -> None:
    """Write it whole or not at all; a place that is not ours to write is no error."""
    import tempfile  # noqa: PLC0415 (with a dozen modules, for what is done once)

    try:
        place.parent.mkdir(exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=place.parent, prefix=f"{place.name}.")
    except OSError:
        return
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 (a descriptor)
            file.write(text)
        os.chmod(partial, _MODE)  # noqa: PTH101
        os.replace(partial, place)  # noqa: PTH105
    except OSError:
        Path(partial).unlink(missing_ok=True)
