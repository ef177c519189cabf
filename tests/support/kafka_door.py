"""A door before librdkafka's mock cluster, which speaks neither TLS nor SASL: it asks for both, then passes frames on.

Kafka's frames, ApiVersions, SaslHandshake and SaslAuthenticate as in the protocol guide; SCRAM as in RFC 5802. The
brokers' own address in what they answer becomes the door's, so that a client never gets past it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import ssl
import struct
from threading import Thread
from types import TracebackType
from typing import Self

from tests.support.patience import PATIENCE_S

API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE = 18, 17, 36
UNSUPPORTED_VERSION, UNSUPPORTED_MECHANISM, AUTHENTICATION_FAILED = 35, 33, 58
USER, PASSWORD = "egret", "correct horse battery"
_HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
_ITERATIONS = 4096
_TURNS = 10  # of the loop, in which transports whose handshake failed close their sockets


class Refused(Exception):
    """Who came does not know the password."""


class Door:
    """Listens while the block runs. ``server`` is where; ``users`` are the names that came in, None without a login."""

    def __init__(self, broker: str, tls: ssl.SSLContext | None, mechanism: str | None) -> None:
        host, _, port = broker.rpartition(":")
        self._broker, self._tls, self._mechanism = (host, int(port)), tls, mechanism
        self.users: list[str | None] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listener = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(PATIENCE_S)
        self.port: int = self._listener.sockets[0].getsockname()[1]
        self.server = f"127.0.0.1:{self.port}"
        return self

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    async def _end(self) -> None:
        self._listener.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner = await asyncio.open_connection(*self._broker)
            try:
                self.users.append(await self._login(reader, writer, inner) if self._mechanism else None)
                await asyncio.wait(
                    [
                        asyncio.create_task(self._pass_on(reader, inner[1])),
                        asyncio.create_task(self._pass_on(inner[0], writer)),
                    ],
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                inner[1].close()
        except (Refused, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, mine = (self._broker[0].encode() + struct.pack(">i", port) for port in (self._broker[1], self.port))
        while True:
            _send(writer, (await _frame(reader)).replace(theirs, mine))
            await writer.drain()

    async def _login(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        inner: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> str:
        proof = Proof(self._mechanism or "")
        while proof.user is None:
            frame = await _frame(reader)
            api, version, correlation, name = struct.unpack(">hhih", frame[:10])
            body = frame[10 + max(0, name) :]
            if api == API_VERSIONS:
                said = await _versions(frame, version, inner)
            elif api == SASL_HANDSHAKE:
                offered = (self._mechanism or "").encode()
                fits = body[2:] == offered
                said = struct.pack(">hi", 0 if fits else UNSUPPORTED_MECHANISM, 1) + _string(offered)
            elif api == SASL_AUTHENTICATE:
                said = proof.answer(body[4:])
            else:
                raise Refused
            _send(writer, struct.pack(">i", correlation) + said)
            await writer.drain()
            if proof.refused:
                raise Refused
        return proof.user


class Proof:
    """One client's, of the password."""

    def __init__(self, mechanism: str) -> None:
        self.user: str | None = None
        self.refused = False
        self._hash = _HASHES.get(mechanism)
        self._said = ""
        self._salt = os.urandom(16)
        self._nonce = ""

    def answer(self, said: bytes) -> bytes:
        """The body of a SaslAuthenticate answer, version 0."""
        try:
            more = self._plain(said) if self._hash is None else self._scram(said.decode(), self._hash)
        except (Refused, ValueError, LookupError):
            self.refused = True
            return (
                struct.pack(">h", AUTHENTICATION_FAILED) + _string(b"no such user or password") + struct.pack(">i", 0)
            )
        return struct.pack(">hhi", 0, -1, len(more)) + more

    def _plain(self, said: bytes) -> bytes:
        if said != f"\0{USER}\0{PASSWORD}".encode():
            raise Refused
        self.user = USER
        return b""

    def _scram(self, said: str, name: str) -> bytes:
        fields = dict(part.split("=", 1) for part in said.split(",") if "=" in part)
        if not self._nonce:
            if fields["n"] != USER:
                raise Refused
            self._nonce = fields["r"] + os.urandom(9).hex()
            first = f"r={self._nonce},s={base64.b64encode(self._salt).decode()},i={_ITERATIONS}"
            self._said = f"{said.removeprefix('n,,')},{first}"
            return first.encode()
        salted = hashlib.pbkdf2_hmac(name, PASSWORD.encode(), self._salt, _ITERATIONS)
        key = hmac.digest(salted, b"Client Key", name)
        whole = f"{self._said},{said.rpartition(',p=')[0]}".encode()
        signature = hmac.digest(hashlib.new(name, key).digest(), whole, name)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        if fields["r"] != self._nonce or base64.b64decode(fields["p"]) != proof:
            raise Refused
        self.user = USER
        mine = hmac.digest(hmac.digest(salted, b"Server Key", name), whole, name)
        return b"v=" + base64.b64encode(mine)


async def _versions(frame: bytes, version: int, inner: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bytes:
    """What the broker can, and what the door can; in version 0, which a client falls back to (KIP-511)."""
    if version:
        return struct.pack(">hi", UNSUPPORTED_VERSION, 0)
    _send(inner[1], frame)
    answered = await _frame(inner[0])
    count = struct.unpack(">i", answered[6:10])[0]
    more = struct.pack(">hhhhhh", SASL_HANDSHAKE, 0, 1, SASL_AUTHENTICATE, 0, 0)
    return answered[4:6] + struct.pack(">i", count + 2) + answered[10:] + more


async def _frame(reader: asyncio.StreamReader) -> bytes:
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(size)


def _send(writer: asyncio.StreamWriter, frame: bytes) -> None:
    writer.write(struct.pack(">i", len(frame)) + frame)


def _string(value: bytes) -> bytes:
    return struct.pack(">h", len(value)) + value
