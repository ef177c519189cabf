"""Alerts to systemd's journal, over its native socket.

An entry that no datagram holds goes as a sealed file in memory, whose descriptor is passed instead.
Ref: systemd, Native Journal Protocol.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from egret.alerts.digest import Digest
from egret.alerts.formats.journal import digest_entry, journal_entry, sensor_entry
from egret.alerts.model import Alert, Sensor
from egret.alerts.sensor import SensorAlert
from egret.sinks.local_socket import LocalSocket, whole

SOCKET = Path("/run/systemd/journal/socket")
_TOO_LARGE = frozenset({errno.EMSGSIZE, errno.ENOBUFS})


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalOptions:
    """Where the journal listens."""

    sensor: Sensor
    name: str = "journal"
    path: Path = SOCKET


class JournalSink:
    """Writes entries."""

    def __init__(self, options: JournalOptions) -> None:
        self.name = options.name
        self._options = options
        self._socket = LocalSocket(options.path, "the journal's queue is full", _write)

    def health(self) -> str | None:
        """Whether a journal listens."""
        there = self._options.path.is_socket()
        return None if there else f"{self._options.path}: no journal listens there; is this a systemd machine?"

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Write *alerts*; see ``Sink.send``."""
        await self._socket.send(journal_entry(alert, self._options.sensor) for alert in alerts)

    async def warn(self, alert: SensorAlert) -> None:
        """Write *alert*; see ``sinks.notices.Warns``."""
        await self._socket.send([sensor_entry(alert, self._options.sensor)])

    async def digest(self, digest: Digest) -> None:
        """Write *digest*; see ``sinks.base.TakesDigests``."""
        await self._socket.send([digest_entry(digest, self._options.sensor)])

    async def close(self) -> None:
        """Close the socket."""
        self._socket.close()


async def _write(journal: socket.socket, entry: bytes) -> None:
    try:
        await whole(journal, entry)
    except OSError as error:
        if error.errno not in _TOO_LARGE:
            raise
        _write_sealed(journal, entry)


def _write_sealed(journal: socket.socket, entry: bytes) -> None:
    """The journal reads a descriptor only where its content cannot change any more."""
    fd = os.memfd_create("egret-journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(entry)
        fcntl.fcntl(
            fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        )
        journal.sendmsg([], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    finally:
        os.close(fd)
