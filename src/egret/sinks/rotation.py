"""The files behind a file: ``path.1`` is the newest, perhaps compressed, the oldest goes.

A rotated file is compressed in a thread of its own, so that no alert waits for it; until that is done there is no
further rotation. A compression that was cut short leaves the file as it was.
"""

from __future__ import annotations

import gzip
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

_MODE = 0o640


class Rotation:
    """Renames, compresses and deletes.

    Args:
        path: the file that is written.
        keep: how many rotated files stay.
        compress: whether they are compressed.
    """

    def __init__(self, path: Path, *, keep: int, compress: bool = False) -> None:
        self._path, self._keep, self._compress = path, keep, compress
        self._packer: threading.Thread | None = None

    @property
    def is_packing(self) -> bool:
        """Whether a compression is under way."""
        return self._packer is not None and self._packer.is_alive()

    def rotate(self) -> None:
        """Put the file, which nobody has open, away.

        Raises:
            OSError: it cannot be renamed or deleted.
        """
        if not self._keep:
            self._path.unlink()
            return
        for number in range(self._keep, 0, -1):
            for suffix in ("", ".gz"):
                self._shift(number, suffix)
        newest = self._named(1, "")
        self._path.replace(newest)
        if self._compress:
            self._packer = threading.Thread(target=_pack, args=(newest,), name=f"compress {newest.name}", daemon=True)
            self._packer.start()

    def _shift(self, number: int, suffix: str) -> None:
        old = self._named(number, suffix)
        with suppress(FileNotFoundError):
            if number == self._keep:
                old.unlink()
            else:
                old.replace(self._named(number + 1, suffix))

    def _named(self, number: int, suffix: str) -> Path:
        return Path(f"{self._path}.{number}{suffix}")

    def sync_folder(self) -> None:
        """Let the disk know that the file has its name.

        Raises:
            OSError: the disk fails.
        """
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _pack(path: Path) -> None:
    """Compress *path*; where that fails (a full disk), it stays as it is."""
    partial = Path(f"{path}.gz.tmp")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
        with path.open("rb") as source, os.fdopen(descriptor, "wb") as target, gzip.open(target, "wb") as packed:
            shutil.copyfileobj(source, packed)
        partial.replace(f"{path}.gz")
        path.unlink()
    except OSError:
        with suppress(OSError):
            partial.unlink()
