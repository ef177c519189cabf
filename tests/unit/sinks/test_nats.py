"""Against a scripted server: what a real one would not do. A real one is in tests/integration/test_nats.py."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from egret.errors import SinkTemporary
from egret.sinks.nats import NatsOptions, NatsSink
from egret.sinks.records import Login, RecordForm
from egret.sinks.tls import TlsOptions
from tests.support.alerts import numbered, opened, sensor_alert
from tests.support.certificates import Authority
from tests.support.digest import digest
from tests.support.patience import PATIENCE_S

FORM = RecordForm(
    line=lambda alert: f"alert {alert.id}",
    warning=lambda alert: f"sensor {alert.id}",
    summary=lambda digest: f"digest {digest.id}",
)
INFO = {"server_id": "x", "version": "2.9.10", "headers": True, "max_payload": 65536}


class Server:
    """Says *hello*, answers pings unless *deaf*, and remembers what it was told."""

    def __init__(self, hello: bytes | None = None, *, deaf: bool = False, says: bytes = b"") -> None:
        self.hello = f"INFO {json.dumps(INFO)}\r\n".encode() if hello is None else hello
        self.deaf, self.says, self.told, self.connections = deaf, says, b"", 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(self.hello)
        pings = 0
        while data := await reader.read(65_536):
            self.told += data
            for _ in range(data.count(b"PING\r\n")):
                pings += 1
                if pings == 1 or not self.deaf:  # the first is part of connecting
                    writer.write(b"PONG\r\n" if pings == 1 else self.says + b"PONG\r\n")
        writer.close()

    def run(self, work: Callable[[NatsSink], Awaitable[None]], **options: Any) -> None:
        async def main() -> None:
            async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
                where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
                servers = ("127.0.0.1:9", where)  # the first is not there: the next one is asked
                given: dict[str, Any] = {"servers": servers, "timeout_s": PATIENCE_S} | options
                sink = NatsSink(NatsOptions(name="bus", subject="egret.alerts", form=FORM, **given))
                try:
                    await work(sink)
                finally:
                    await sink.close()

        asyncio.run(main())

    def send(self, **options: Any) -> None:
        async def work(sink: NatsSink) -> None:
            await sink.send(numbered(2))

        self.run(work, **options)


def test_messages_in_order_with_their_keys_and_one_connection_for_all() -> None:
    server = Server()

    async def work(sink: NatsSink) -> None:
        await sink.send(numbered(2))
        await sink.warn(sensor_alert())
        await sink.digest(digest())

    server.run(work)
    told = server.told.decode()
    places = [
        told.index(text)
        for text in ("alert high-0", "alert high-1", f"sensor {sensor_alert().id}", f"digest {digest().id}")
    ]
    assert places == sorted(places)
    assert told.count("HPUB egret.alerts ") == 4
    assert told.index("alert high-1") < told.index("PING", told.index("HPUB"))  # or the answer would prove nothing
    assert told.rindex("PING") > told.index(f"sensor {sensor_alert().id}")
    assert "Nats-Msg-Id: high-1\r\n" in told
    assert f"Egret-Key: {opened().incident.id}\r\n" in told
    assert server.connections == 1


def test_who_we_are() -> None:
    server = Server(f"INFO {json.dumps(INFO | {'auth_required': True})}\r\n".encode())
    server.send(login=Login("me", "secret-word"))
    assert b'"pass": "secret-word"' in server.told


def test_nothing_is_said_where_tls_was_asked_for_and_is_not_offered(tmp_path: Path) -> None:
    server = Server(f"INFO {json.dumps(INFO | {'auth_required': True})}\r\n".encode())
    for proof in ({"login": Login("me", "secret-word")}, {"token": "secret-word"}, {}):
        with pytest.raises(SinkTemporary, match="no TLS"):
            server.send(tls=TlsOptions(ca=Authority(tmp_path).ca), **proof)
    assert b"secret-word" not in server.told
    assert b"alert" not in server.told


def test_a_server_that_takes_it_and_does_not_answer_is_temporary() -> None:
    started_s = time.monotonic()
    with pytest.raises(SinkTemporary, match=r"nats bus: no answer in 0\.2 s"):
        Server(deaf=True).send(timeout_s=0.2)
    assert time.monotonic() - started_s < 1.0


def test_a_refusal_beside_the_answers_is_heard() -> None:
    says = b"-ERR 'Permissions Violation for Publish to \"egret.alerts\"'\r\n"
    with pytest.raises(SinkTemporary, match="permissions violation"):
        Server(says=says).send()


@pytest.mark.parametrize(
    "hello",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"INFO {\r\n",
        b"INFO []\r\n",
        b"INFO " + b"x" * 200_000,
        b"\xff\xfe\r\n",
    ],
)
def test_whatever_it_says_it_is_temporary(hello: bytes) -> None:
    with pytest.raises(SinkTemporary, match="nats bus: "):
        Server(hello).send(timeout_s=0.2)


def test_nobody_there_is_temporary() -> None:
    with pytest.raises(SinkTemporary, match=r"nats bus: .*Connect"):
        Server().send(servers=("127.0.0.1:9",))


def test_health(tmp_path: Path) -> None:
    options: dict[str, Any] = {"name": "bus", "servers": ("b:4222",), "subject": "s", "form": FORM}
    assert NatsSink(NatsOptions(**options)).health() is None
    broken = NatsSink(NatsOptions(**options, tls=TlsOptions(ca=tmp_path / "none.pem")))
    assert "nats bus: TLS" in (broken.health() or "")
    assert "pw" not in repr(NatsOptions(**options, token="pw", login=Login("me", "pw")))


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nats.aio.client", None)
    with pytest.raises(SinkTemporary, match=r"egret-monitor\[nats\]"):
        Server().send()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    options: dict[str, Any] = {"name": "bus", "servers": ("b:4222",), "subject": "s", "form": FORM}
    assert "pip install 'egret-monitor[nats]'" in (NatsSink(NatsOptions(**options)).health() or "")
