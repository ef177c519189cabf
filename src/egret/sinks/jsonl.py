"""Lines in a file, one an alert; safe with logrotate and with our own rotation.

The file is opened for append and every batch is written whole lines at once. A file that was moved or
deleted is noticed before the next write and begun anew, so ``logrotate`` needs neither ``copytruncate``
nor a signal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egret.alerts.digest import Digest
from egret.alerts.model import Alert
from egret.alerts.sensor import SensorAlert
from egret.errors import SinkTemporary
from egret.sinks.blocking import OneAtATime
from egret.sinks.rotation import Rotation

Render = Callable[[Alert], dict[str, Any]]  # what receivers of JSON get
_MODE = 0o640  # the group may read: a log shipper usually is in it


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLinesOptions:
    """Where the lines go."""

    name: str = "file"
    path: Path
    line: Callable[[Alert], str]  # what one alert looks like, without a line end
    warning: Callable[[SensorAlert], str]  # the same of an alert about the sensor itself
    summary: Callable[[Digest], str]  # the same of a digest
    rotate_bytes: int | None = None  # None: somebody else rotates
    rotate_s: int | None = None  # a new file for each period of this length, counted from the epoch
    keep: int = 5  # rotated files: path.1 is the newest
    compress: bool = False
    fsync: bool = False  # a batch counts as written once it is on the disk
    clock: Callable[[], float] = time.time


class JsonLinesSink:
    """Appends alerts to a file."""

    def __init__(self, options: JsonLinesOptions) -> None:
        self.name = options.name
        self._options = options
        self._path = options.path
        self._rotation = Rotation(options.path, keep=options.keep, compress=options.compress)
        self._fd: int | None = None
        self._writer = OneAtATime(f"sink {options.name}")

    def health(self) -> str | None:
        """Whether the file, or else its folder, can be written; to rotate, the folder in any case."""
        try:
            return self._trouble()
        except OSError as error:  # a folder above that this user may not enter
            return f"{self._path}: {error.strerror}; let this user in, or change the path"

    def _trouble(self) -> str | None:
        target = self._path if self._path.exists() else self._path.parent
        if not target.exists():
            return f"{self._path}: the folder does not exist; create it, or change the path"
        if self._path.is_dir():
            return f"{self._path}: is a folder; name a file in it"
        if not os.access(target, os.W_OK):
            return f"{self._path}: may not be written by this user"
        if self._rotates and not os.access(self._path.parent, os.W_OK):
            return f"{self._path}: cannot be rotated, its folder may not be written by this user"
        return None

    @property
    def _rotates(self) -> bool:
        return self._options.rotate_bytes is not None or self._options.rotate_s is not None

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Append *alerts*; see ``Sink.send``."""
        data = "".join(f"{self._options.line(alert)}\n" for alert in alerts).encode("utf-8")
        await self._writer.run(lambda: self._append(data))

    async def warn(self, alert: SensorAlert) -> None:
        """Append *alert*; see ``sinks.notices.Warns``."""
        data = f"{self._options.warning(alert)}\n".encode()
        await self._writer.run(lambda: self._append(data))

    async def digest(self, digest: Digest) -> None:
        """Append *digest*; see ``sinks.base.TakesDigests``."""
        data = f"{self._options.summary(digest)}\n".encode()
        await self._writer.run(lambda: self._append(data))

    def _append(self, data: bytes) -> None:
        try:
            fd = self._current(len(data))
            size = os.fstat(fd).st_size
            try:
                written = os.write(fd, data)
                if written < len(data):
                    raise OSError(f"only {written} of {len(data)} bytes fit")
                if self._options.fsync:
                    os.fsync(fd)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(fd, size)  # a half line would spoil the next one
                raise
        except OSError as error:
            self._close()
            raise SinkTemporary(f"{self._path}: {error.strerror or error}") from error

    def _current(self, coming: int) -> int:
        """Give the descriptor of the file that now has our name, opened or rotated as needed."""
        if self._fd is not None and not self._is_ours(self._fd):
            self._close()
        if self._fd is None:
            self._fd = self._open()
        if self._is_due(self._fd, coming) and not self._rotation.is_packing:
            self._close()
            self._rotation.rotate()
            self._fd = self._open()
        return self._fd

    def _is_due(self, fd: int, coming: int) -> bool:
        status, options = os.fstat(fd), self._options
        if not status.st_size:
            return False
        if options.rotate_bytes is not None and status.st_size + coming > options.rotate_bytes:
            return True
        period_s = options.rotate_s
        return period_s is not None and status.st_mtime // period_s < options.clock() // period_s

    def _open(self) -> int:
        fresh = not self._path.exists()
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        if fresh and self._options.fsync:
            self._rotation.sync_folder()
        return fd

    def _is_ours(self, fd: int) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(fd), there)

    def _close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)

    async def close(self) -> None:
        """Close the file."""
        await self._writer.run(self._close)
