"""How syslog messages travel: UDP, TCP, TLS, or a datagram socket of this host.

Syslog has no answer from its receiver. What "sent" means here is the most that can be known: over TCP and TLS, that
the receiver's kernel has acknowledged every byte and has not closed; over UDP, that ours took it and heard no refusal.
Ref: RFC 5426 (UDP), RFC 6587 section 3.4.1 (TCP, octet counting), RFC 5425 (TLS, the same framing).
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import socket
import termios
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from egret.errors import SinkTemporary
from egret.sinks.local_socket import LocalSocket, said
from egret.sinks.tls import TlsOptions

CONNECT_S = 10.0
DATAGRAM_MAX = 65_000  # bytes of a UDP payload, headers of version 6 allowed for
_RESOLVE_AGAIN_S = 60.0  # how long a datagram socket stays with one address of its host
_DEAD_AFTER_MS = 30_000  # TCP_USER_TIMEOUT: unacknowledged so long, and the connection is given up
_REFUSAL_S = 1.0  # TLS 1.3: who we are is refused after our side of the handshake is done


class Wire(Protocol):
    """Carries messages, and says nothing of what is in them."""

    def health(self) -> str | None:
        """What would keep it from working; None: nothing known."""
        ...

    async def send(self, messages: Sequence[bytes]) -> None:
        """Carry *messages*.

        Raises:
            SinkTemporary: not now.   SinkRejected: one is larger than this way can carry.
        """
        ...

    async def close(self) -> None:
        """Give back the socket."""
        ...


class StreamWire:
    """TCP or TLS; each message behind its length. The connection stays, and is made again when it ended."""

    def __init__(self, host: str, port: int, tls: TlsOptions | None = None) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._turn = asyncio.Lock()  # alerts about the sensor come on a lane of their own
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def health(self) -> str | None:
        """Whether the certificates can be used."""
        return None if self._tls is None else self._tls.trouble()

    async def send(self, messages: Sequence[bytes]) -> None:
        """See ``Wire.send``."""
        async with self._turn:
            await self._send(b"".join(b"%d %b" % (len(message), message) for message in messages))

    async def _send(self, data: bytes) -> None:
        sent = False
        try:
            reader, writer = await self._connected()
            writer.write(data)
            await writer.drain()
            await _acknowledged(reader, writer)
            sent = True
        except TimeoutError as error:
            raise SinkTemporary(f"{self._host}:{self._port}: no connection in {CONNECT_S:g} s") from error
        except OSError as error:
            raise SinkTemporary(f"{self._host}:{self._port}: {error.strerror or error}") from error
        finally:
            if not sent:  # a cancelled send too: half a frame would garble the next one
                self._drop()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._ends is not None and _ended(*self._ends):
            self._drop()
        if self._ends is None:
            self._ends = await self._connect()
        return self._ends

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = None if self._tls is None else await asyncio.to_thread(self._tls.context)
        name = None if self._tls is None else self._tls.server_name or self._host
        async with asyncio.timeout(CONNECT_S):
            ends = await asyncio.open_connection(self._host, self._port, ssl=context, server_hostname=name)
        _watch_for_death(ends[1].get_extra_info("socket"))
        if self._tls is not None:
            await _taken(*ends)
        return ends

    def _drop(self) -> None:
        if self._ends is not None:
            ends, self._ends = self._ends, None
            ends[1].transport.abort()

    async def close(self) -> None:
        """End the connection in good order."""
        if self._ends is not None:
            _, writer = self._ends
            self._ends = None
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(0.5):
                    await writer.wait_closed()


async def _taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until a TLS 1.3 server has answered our last flight: with a ticket (most do), or by hanging up."""
    tls, loop = writer.get_extra_info("ssl_object"), asyncio.get_running_loop()
    until_s = loop.time() + _REFUSAL_S
    while tls.version() == "TLSv1.3" and loop.time() < until_s and not _ended(reader, writer):
        if tls.session is not None and tls.session.has_ticket:
            return
        await asyncio.sleep(0.005)


def _watch_for_death(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_AFTER_MS)


def _ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    return reader.at_eof() or reader.exception() is not None or writer.is_closing()


async def _acknowledged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until the other kernel has every byte; a closed end then is one that may not have read them."""
    connection, pause_s = writer.get_extra_info("socket"), 0.001
    while not _ended(reader, writer) and (writer.transport.get_write_buffer_size() or _in_flight(connection)):
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 0.1)
    await asyncio.sleep(0)  # a close that came with the acknowledgement is heard
    if _ended(reader, writer):
        error = reader.exception()
        raise ConnectionResetError(str(error) if error else "the receiver closed the connection")


def _in_flight(connection: socket.socket) -> int:
    """Bytes sent and not acknowledged (tcp(7), SIOCOUTQ)."""
    count = array.array("i", [0])
    try:
        fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, count)
    except OSError:  # a system that cannot say
        return 0
    return count[0]


class UdpWire:
    """One datagram a message."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._turn = asyncio.Lock()
        self._socket: socket.socket | None = None
        self._since_s = 0.0

    def health(self) -> str | None:
        """Nothing can be known of UDP without sending."""
        return None

    async def send(self, messages: Sequence[bytes]) -> None:
        """See ``Wire.send``."""
        async with self._turn:
            await self._send(messages)

    async def _send(self, messages: Sequence[bytes]) -> None:
        loop = asyncio.get_running_loop()
        try:
            connection = await self._connected(loop)
            for message in messages:
                await loop.sock_sendall(connection, message)
            await asyncio.sleep(0)
            if refused := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(refused, os.strerror(refused))
        except OSError as error:
            self._drop()
            raise said(f"{self._host}:{self._port}", error) from error

    async def _connected(self, loop: asyncio.AbstractEventLoop) -> socket.socket:
        if self._socket is not None and loop.time() - self._since_s > _RESOLVE_AGAIN_S:
            self._drop()
        if self._socket is None:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
            family, kind, protocol, _, address = found[0]
            self._socket = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
            self._socket.connect(address)
            self._since_s = loop.time()
        return self._socket

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def close(self) -> None:
        """Close the socket."""
        self._drop()


class LocalWire:
    """A datagram socket of this host, as ``/dev/log``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = LocalSocket(path, "its reader's queue is full")

    def health(self) -> str | None:
        """Whether there is a socket."""
        try:
            there = self._path.is_socket()
        except OSError as error:
            return f"{self._path}: {error.strerror}"
        return None if there else f"{self._path}: no socket is there; does its daemon run?"

    async def send(self, messages: Sequence[bytes]) -> None:
        """See ``Wire.send``."""
        await self._socket.send(messages)

    async def close(self) -> None:
        """Close the socket."""
        self._socket.close()
