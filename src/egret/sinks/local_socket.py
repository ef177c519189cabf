"""A datagram socket of this host, as ``/dev/log`` and the journal's are; and what a failed datagram means."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from egret.errors import SinkRejected, SinkTemporary

FULL_S = 2.0  # how long a local reader whose queue is full is waited for

Write = Callable[[socket.socket, bytes], Awaitable[None]]


async def whole(connection: socket.socket, message: bytes) -> None:
    """Send *message* as one datagram."""
    await asyncio.get_running_loop().sock_sendall(connection, message)


class LocalSocket:
    """Connected when it is first used, and anew after a failure; one sender at a time.

    Args:
        path: where its reader listens.
        full: what to say where the reader does not keep up.
        write: hands over one message; raises OSError.
    """

    def __init__(self, path: Path, full: str, write: Write = whole) -> None:
        self._path, self._full, self._write = path, full, write
        self._turn = asyncio.Lock()  # alerts about the sensor come on a lane of their own
        self._socket: socket.socket | None = None

    async def send(self, messages: Iterable[bytes]) -> None:
        """Send *messages* in order.

        Raises:
            SinkTemporary: not now.   SinkRejected: one is larger than a datagram can be.
        """
        async with self._turn:
            try:
                connection = self._connected()
                async with asyncio.timeout(FULL_S):
                    for message in messages:
                        await self._write(connection, message)
            except TimeoutError as error:
                raise SinkTemporary(f"{self._path}: {self._full}") from error
            except OSError as error:
                self.close()
                raise said(str(self._path), error) from error

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._socket.connect(str(self._path))
        return self._socket

    def close(self) -> None:
        """Close it; the next send connects again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def said(where: str, error: OSError) -> SinkTemporary | SinkRejected:
    """What *error* of a datagram to *where* means for its message."""
    if error.errno == errno.EMSGSIZE:
        return SinkRejected(f"{where}: a message is too large; lower max_bytes")
    if error.errno == errno.EPROTOTYPE:
        return SinkTemporary(f"{where}: is a stream socket; name a datagram one")
    return SinkTemporary(f"{where}: {error.strerror or error}")
