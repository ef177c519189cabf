"""The recipes of CONTRIBUTING.md work as they stand, and so does what docs/privacy.md says about erasing."""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from egret.cli.main import invoke
from egret.errors import DecodeError, SinkTemporary, Truncated
from egret.sinks.base import Delivery, DeliveryOptions, Outcome
from egret.store.incidents import IncidentStore
from tests.support.alerts import Watch, numbered
from tests.support.documents import ROOT, blocks


def recipe(defines: str) -> dict[str, Any]:
    found = [b for b in blocks("python") if b.file.name == "CONTRIBUTING.md" and f" {defines}" in b.text]
    assert len(found) == 1
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(found[0].text, str(found[0]), "exec", dont_inherit=True), names)
    return names


def test_the_sink_delivers() -> None:
    names, watch, lines = recipe("LineSink"), Watch(), []

    async def run() -> None:
        async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            lines.extend((await reader.read()).decode().splitlines())
            writer.close()

        server = await asyncio.start_server(receive, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sink = names["LineSink"](names["LineOptions"](host="127.0.0.1", port=port))
        delivery = Delivery(sink, DeliveryOptions(), watch)
        delivery.start()
        for alert in numbered(3):
            delivery.offer(alert)
        await delivery.close(5)
        server.close()
        await server.wait_closed()

    asyncio.run(run())
    assert len(watch.ids(Outcome.DELIVERED)) == len(lines) == 3


def test_the_sink_asks_for_another_try_when_nobody_listens() -> None:
    names = recipe("LineSink")
    sink = names["LineSink"](names["LineOptions"](host="127.0.0.1", port=1))
    assert sink.health() is None
    with pytest.raises(SinkTemporary):
        asyncio.run(sink.send(numbered(1)))


def test_the_decoder_is_total() -> None:
    parse = recipe("parse_greeting")["parse_greeting"]
    whole = b"\x00\x01\x05egret"
    assert parse(whole) == (1, b"egret")
    for end in range(len(whole)):
        with pytest.raises(Truncated):
            parse(whole[:end])
    dice = random.Random(1)
    for _ in range(500):
        try:
            parse(dice.randbytes(dice.randrange(12)))
        except DecodeError:
            continue


def test_erasing_one_client_erases_its_alerts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    path = tmp_path / "incidents.db"
    store = IncidentStore(path)
    alerts = numbered(2)
    store.record(alerts=alerts, sinks=("soc",))
    store.close()
    [command] = re.findall(r"^egret (privacy purge 192[^ ]+)", (ROOT / "docs/privacy.md").read_text(), re.MULTILINE)
    (tmp_path / "egret.yaml").write_text("{}")
    words = command.replace("192.0.2.17", alerts[0].incident.client).split()
    assert invoke([*words, "-c", str(tmp_path / "egret.yaml")]) == 0
    with closing(sqlite3.connect(path)) as database:
        left = [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("incidents", "alerts")]
    assert left == [0, 0]
