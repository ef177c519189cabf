from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from egret.alerts.model import Sensor
from egret.daemon.logs import log_sink
from egret.settings.syslog_section import FileOutput, JournalOutput, SyslogOutput
from egret.sinks.journal import JournalSink
from egret.sinks.jsonl import JsonLinesSink
from egret.sinks.syslog import SyslogSink
from egret.sinks.syslog_wire import LocalWire, StreamWire, UdpWire
from tests.support.alerts import opened

SENSOR = Sensor("1", "gw")


def syslog(**values: Any) -> SyslogSink:
    sink = log_sink(SyslogOutput.model_validate({"name": "siem", "host": "127.0.0.1"} | values), SENSOR)
    assert isinstance(sink, SyslogSink)
    return sink


@pytest.mark.parametrize(
    ("transport", "kind"), [("udp", UdpWire), ("tcp", StreamWire), ("tls", StreamWire), ("unix", LocalWire)]
)
def test_each_transport_has_its_wire(transport: str, kind: type) -> None:
    host = None if transport == "unix" else "127.0.0.1"
    sink = syslog(transport=transport, host=host)
    assert isinstance(sink._wire, kind)
    assert sink._form.local is (transport == "unix")
    assert sink.name == "siem"
    if isinstance(sink._wire, StreamWire):
        assert (sink._wire._tls is not None) is (transport == "tls")


def test_the_journal() -> None:
    assert isinstance(log_sink(JournalOutput(enabled=True), SENSOR), JournalSink)


@pytest.mark.parametrize(("form", "start"), [("ecs", "{"), ("eve", "{"), ("cef", "CEF:0|"), ("leef", "LEEF:2.0|")])
def test_a_file_holds_what_it_is_told(tmp_path: Path, form: str, start: str) -> None:
    path = tmp_path / "alerts"
    options = {"path": path, "format": form, "rotate_mb": 1, "rotate_every": "1d", "fsync": "always", "compress": True}
    sink = log_sink(FileOutput.model_validate(options), SENSOR)
    assert isinstance(sink, JsonLinesSink)
    assert sink.health() is None

    async def run() -> None:
        await sink.send([opened()])
        await sink.close()

    asyncio.run(run())
    [line] = path.read_text().splitlines()
    assert line.startswith(start)
    if start == "{":
        assert json.loads(line)
