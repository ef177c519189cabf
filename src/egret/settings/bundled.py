"""What ships with Egret: where it is (inside the wheel, or beside the sources in an editable install), and reading it.

A checkout in a folder that only root enters is out of reach once rights were given up. So ``held`` reads all of it
before, and ``read`` and ``entries`` give that where the disk gives nothing any more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import egret

BUNDLED_DATABASE = "egret-country-asn.mmdb"
RESOLVERS = "_resolvers.yaml"
_PACKAGE = Path(egret.__file__).resolve().parent
_held: dict[Path, bytes] = {}


def _signatures(package: Path) -> Path:
    packed = package / "data" / "signatures"
    return packed if packed.is_dir() else package.parents[1] / "signatures"


_SIGNATURES = _signatures(_PACKAGE)  # found now: later it may not be ours to look


def signatures_dir() -> Path:
    """The folder of the bundled catalogue's YAML files."""
    return _SIGNATURES


def geo_dir() -> Path:
    """The folder of the bundled GeoIP database and its attribution."""
    return _PACKAGE / "data" / "geo"


@contextmanager
def held() -> Iterator[None]:
    """Around the loss of rights: what cannot be read after the block is kept as it was before."""
    files = _contents(signatures_dir()) | _contents(geo_dir())
    yield
    _held.update({path: data for path, data in files.items() if not os.access(path, os.R_OK)})


def is_held(path: Path) -> bool:
    """Whether *path* ships with Egret and is known from memory only, so that nobody can tell us of a change."""
    return path in _held


def read(path: Path, most: int = -1) -> bytes:
    """The first *most* bytes of a file, or all; of one that is held, and out of reach, as it was at the start.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(most)
    except PermissionError:
        if path not in _held:
            raise
        return _held[path] if most < 0 else _held[path][:most]


def entries(folder: Path) -> list[Path]:
    """What *folder* holds, sorted. ``Path.glob`` finds nothing, and says nothing, where it may not look.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return sorted(folder.iterdir())
    except PermissionError:
        known = sorted(path for path in _held if path.parent == folder)
        if not known:
            raise
        return known


def _contents(folder: Path) -> dict[Path, bytes]:
    """Every file of *folder* that can be read; what cannot be was said when it was wanted."""
    try:
        return {path: path.read_bytes() for path in entries(folder) if path.is_file()}
    except OSError:
        return {}
