"""What was read of bundled YAML files, kept as JSON where Python keeps its own compiled modules.

The YAML stays the truth: what is kept holds for exactly those bytes of it and of the code that reads it. Whatever is
missing, of other bytes or broken is read anew, and kept where that can be written. Who may write there may change the
code itself, so it is believed as much; ``PYTHONDONTWRITEBYTECODE`` leaves it aside as it does the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_MODE = 0o644
_SETTLED_NS = 5_000_000_000  # far above the steps that a file system tells times in


def kept(
    name: str, sources: Iterable[Path], read: Callable[[], T], pack: Callable[[T], Any], unpack: Callable[[Any], T]
) -> T:
    """What *read* gives, without reading where that was done before.

    Args:
        name: of what is kept.
        sources: every file that it depends on, code included.
        read: reads it; raises what it will.
        pack: makes plain JSON of it.
        unpack: the reverse.
    """
    try:
        key, place = _key(sources), _place(name)
    except (OSError, NotImplementedError):  # no source (only compiled modules), or a Python that keeps none
        return read()
    try:
        found = json.loads(place.read_bytes())
        if found["key"] == key:
            return unpack(found["value"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass
    value = read()
    if not sys.dont_write_bytecode:
        _keep(place, json.dumps({"key": key, "value": pack(value)}, separators=(",", ":")))
    return value


def digest_of(path: Path, read: Callable[[], bytes]) -> tuple[bytes, str]:
    """The bytes of a large file that ships with Egret, and their SHA-256 in hexadecimal.

    It is computed once for a file, as Python compiles a module once: until another one is in its place, by its length,
    times and number on the disk. What was written to lately may be written to again with the same times.

    Args:
        path: of the file.
        read: reads it; raises what it will.
    """
    stamp = _stamp(path)
    data = read()
    if stamp is None:
        return data, hashlib.sha256(data).hexdigest()
    place = _place(path.name)
    with suppress(OSError, ValueError, LookupError, TypeError):
        found = json.loads(place.read_bytes())
        if found["stamp"] == stamp and isinstance(found["digest"], str):
            return data, found["digest"]
    digest = hashlib.sha256(data).hexdigest()
    if not sys.dont_write_bytecode and _stamp(path) == stamp:
        _keep(place, json.dumps({"stamp": stamp, "digest": digest}))
    return data, digest


def _stamp(path: Path) -> list[str | int] | None:
    """What changes with a file; None where it cannot be looked at, or where something may change and this would not."""
    try:
        found = path.stat()
        cache_from_source(__file__)
    except (OSError, NotImplementedError):
        return None
    if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) < _SETTLED_NS:
        return None
    return [str(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _place(name: str) -> Path:
    return Path(cache_from_source(__file__)).with_name(f"{name}.json")


def _key(sources: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sources:
        data = path.read_bytes()
        digest.update(f"{path.name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


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
