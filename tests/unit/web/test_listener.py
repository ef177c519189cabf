from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from egret.settings.http_section import HttpTls
from egret.settings.values import Listen
from egret.telemetry import Telemetry
from egret.web import listener as module
from egret.web.listener import Listener
from egret.web.tls import Certificate
from tests.support.certificates import Authority
from tests.support.patience import PATIENCE_S

BOTH, THIRD = slice(0, 2), slice(2, 3)
ASKED = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def listening(
    certificate: Certificate | None = None, telemetry: Telemetry | None = None
) -> AsyncIterator[Listener]:
    async def hello(_: web.BaseRequest) -> web.Response:
        return web.Response(text="hello")

    runner = web.ServerRunner(web.Server(hello))
    await runner.setup()
    assert runner.server is not None
    made = Listener(Listen("127.0.0.1", 0), runner.server, certificate, telemetry or Telemetry("test"))
    try:
        yield made
    finally:
        await made.close()
        await runner.cleanup()


async def ask(port: int, context: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(ASKED)
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    return answer


@pytest.fixture
def trusting(tmp_path: Path) -> tuple[Certificate, ssl.SSLContext]:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("egret.example")
    context = ssl.create_default_context(cafile=str(authority.ca))
    return Certificate(HttpTls(certificate=certificate, key=key)), context


def test_with_tls_and_without(trusting: tuple[Certificate, ssl.SSLContext]) -> None:
    async def scenario() -> None:
        async with listening() as plain:
            assert b"hello" in await ask(plain.port)
        async with listening(trusting[0]) as secret:
            assert b"hello" in await ask(secret.port, trusting[1])
            assert await ask(secret.port) == b""  # no TLS: closed without a word

    asyncio.run(scenario())


def test_half_open_handshakes_are_bounded_in_number_and_time(
    trusting: tuple[Certificate, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 2)

    async def scenario(number: int, handshake_s: float, ended: slice) -> None:
        monkeypatch.setattr(module, "HANDSHAKE_S", handshake_s)
        async with listening(trusting[0]) as made:
            begun = [await asyncio.open_connection("127.0.0.1", made.port) for _ in range(number)]
            assert {await asyncio.wait_for(reader.read(), PATIENCE_S) for reader, _ in begun[ended]} == {b""}
            for _, writer in begun:
                writer.close()
            monkeypatch.setattr(module, "HANDSHAKE_S", PATIENCE_S)
            if ended == BOTH:
                assert b"hello" in await ask(made.port, trusting[1])

    asyncio.run(scenario(3, 2 * PATIENCE_S, THIRD))
    asyncio.run(scenario(2, 0.05, BOTH))


def test_a_certificate_in_trouble_is_said_and_when_it_ends(
    trusting: tuple[Certificate, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry = Telemetry("test")
    monkeypatch.setattr(Certificate, "refresh", lambda _: "broken")

    async def scenario() -> None:
        async with listening(trusting[0], telemetry) as made:
            assert b"hello" in await ask(made.port, trusting[1])

    asyncio.run(scenario())
    assert "certificate_kept" in caplog.text
    assert telemetry.value("egret_certificate_expiry_timestamp_seconds") == trusting[0].until_s > 4e9


def test_a_failed_accept_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BREATH_S", 0.0)

    async def scenario() -> None:
        async with listening() as made:
            loop = asyncio.get_running_loop()
            accept, failures = loop.sock_accept, [OSError(24, "too many open files")]

            async def failing(sock: socket.socket) -> tuple[socket.socket, object]:
                if failures:
                    raise failures.pop()
                return await accept(sock)

            monkeypatch.setattr(loop, "sock_accept", failing)
            assert b"hello" in await ask(made.port)
            assert b"hello" in await ask(made.port)
            assert not failures

    asyncio.run(scenario())
