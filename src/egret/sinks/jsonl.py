"""JSON lines in a file, one alert a line; safe with logrotate and with our own rotation.

The file is opened for append and every batch is written whole lines at once. A file that was moved or
deleted is noticed before the next write and begun anew, so ``logrotate`` needs neither ``copytruncate``
nor a signal.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egret.alerts.formats.sensor import NOBODY, sensor_to_ecs
from egret.alerts.model import Alert, Sensor
from egret.alerts.sensor import SensorAlert
from egret.errors import SinkTemporary
from egret.sinks.blocking import OneAtATime

Render = Callable[[Alert], dict[str, Any]]
_MODE = 0o640  # the group may read: a log shipper usually is in it


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLinesOptions:
    """Where the lines go."""

    name: str = "file"
    path: Path
    render: Render  # what one alert looks like: ECS by default, see ``outputs``
    sensor: Sensor = NOBODY  # who speaks, in alerts about the sensor itself
    rotate_bytes: int | None = None  # None: somebody else rotates
    keep: int = 5  # rotated files: path.1 is the newest


class JsonLinesSink:
    """Appends alerts to a file."""

    def __init__(self, options: JsonLinesOptions) -> None:
        self.name = options.name
        self._options = options
        self._path = options.path
        self._fd: int | None = None
        self._writer = OneAtATime(f"sink {options.name}")

    def health(self) -> str | None:
        """Whether the file, or else its folder, can be written."""
        target = self._path if self._path.exists() else self._path.parent
        if not target.exists():
            return f"{self._path}: the folder does not exist; create it, or change the path"
        if self._path.is_dir():
            return f"{self._path}: is a folder; name a file in it"
        if not os.access(target, os.W_OK):
            return f"{self._path}: may not be written by this user"
        return None

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Append *alerts*; see ``Sink.send``."""
        lines = [json.dumps(self._options.render(alert), separators=(",", ":")) for alert in alerts]
        data = "".join(f"{line}\n" for line in lines).encode("ascii")
        await self._writer.run(lambda: self._append(data))

    async def warn(self, alert: SensorAlert) -> None:
        """Append *alert*; see ``sinks.notices.Warns``."""
        line = json.dumps(sensor_to_ecs(alert, self._options.sensor), separators=(",", ":"))
        await self._writer.run(lambda: self._append(f"{line}\n".encode("ascii")))

    def _append(self, data: bytes) -> None:
        try:
            fd = self._current(len(data))
            size = os.fstat(fd).st_size
            try:
                written = os.write(fd, data)
                if written < len(data):
                    raise OSError(f"only {written} of {len(data)} bytes fit")
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
        limit = self._options.rotate_bytes
        if self._fd is None:
            self._fd = self._open()
        if limit is not None:
            size = os.fstat(self._fd).st_size
            if size and size + coming > limit:
                self._close()
                self._rotate()
                self._fd = self._open()
        return self._fd

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)

    def _is_ours(self, fd: int) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(fd), there)

    def _rotate(self) -> None:
        for number in range(self._options.keep - 1, 0, -1):
            older = Path(f"{self._path}.{number}")
            if older.exists():
                older.replace(f"{self._path}.{number + 1}")
        if self._options.keep:
            self._path.replace(f"{self._path}.1")
        else:
            self._path.unlink()

    def _close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)

    async def close(self) -> None:
        """Close the file."""
        await self._writer.run(self._close)
