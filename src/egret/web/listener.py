"""Where connections come in: not too many of them, none that stays too long, by TLS or not.

asyncio's own server makes a TLS connection known only after its handshake, so that half-open ones could use up every
file descriptor of the daemon; here they are counted from the first packet on.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress

from aiohttp import web

from egret.settings.values import Listen
from egret.telemetry import Telemetry
from egret.web.tls import Certificate

MAX_CONNECTIONS = 64  # a scraper, a few browsers, an orchestrator's probes; beyond it something is wrong
CONNECTION_S = 300.0  # how long a connection may stay in all: who reads slowly holds a place for no longer
HANDSHAKE_S = 5.0
_BREATH_S = 0.2  # after a failed accept: no descriptors left, most likely


class Listener:
    """A socket that listens from when it is made.

    Args:
        listen: the address and port.
        server: makes a handler for each connection, and knows who is connected.
        certificate: for TLS; None: without.
        telemetry: hears when the certificate ends, and what is wrong with its files.

    Raises:
        OSError: the address cannot be had.
    """

    def __init__(
        self, listen: Listen, server: web.Server, certificate: Certificate | None, telemetry: Telemetry
    ) -> None:
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        self._socket = socket.create_server((listen.host, listen.port), family=family, backlog=MAX_CONNECTIONS)
        self._socket.setblocking(False)
        self._server = server
        self._certificate = certificate
        self._telemetry = telemetry
        self._context()
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[None]] = set()
        self._task = self._loop.create_task(self._accept(), name="http")

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._socket.getsockname()[1])

    async def close(self) -> None:
        """Stop listening; who is connected stays so."""
        tasks = [self._task, *self._coming]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self._socket)
            except OSError:
                await asyncio.sleep(_BREATH_S)
                continue
            if len(self._server.connections) + len(self._coming) >= MAX_CONNECTIONS:
                connection.close()
                continue
            task = self._loop.create_task(self._welcome(connection))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    async def _welcome(self, connection: socket.socket) -> None:
        tls = self._context()
        handshake_s = None if tls is None else HANDSHAKE_S
        with suppress(OSError):  # gone again, or no TLS: whose fault that is nobody needs to know
            _, handler = await self._loop.connect_accepted_socket(
                self._server, connection, ssl=tls, ssl_handshake_timeout=handshake_s
            )
            self._loop.call_later(CONNECTION_S, handler.force_close)

    def _context(self) -> ssl.SSLContext | None:
        if self._certificate is None:
            return None
        if (why := self._certificate.refresh()) is not None:
            self._telemetry.certificate_kept(why)
        self._telemetry.certificate(self._certificate.until_s)
        return self._certificate.context
