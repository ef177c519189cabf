from __future__ import annotations

import asyncio
from collections.abc import Sequence

from egret.alerts.formats.syslog import SyslogForm
from egret.alerts.model import Sensor
from egret.sinks.syslog import SyslogOptions, SyslogSink
from tests.support.alerts import numbered, sensor_alert
from tests.support.digest import digest
from tests.support.lines import read_syslog


class FakeWire:
    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.closed = False

    def health(self) -> str | None:
        return "broken" if self.closed else None

    async def send(self, messages: Sequence[bytes]) -> None:
        self.got += messages

    async def close(self) -> None:
        self.closed = True


def test_one_message_an_alert_in_order() -> None:
    wire = FakeWire()
    sink = SyslogSink(SyslogOptions(name="siem", wire=wire, form=SyslogForm(sensor=Sensor("1", "gw"))))
    assert sink.health() is None
    asyncio.run(sink.send(numbered(3)))
    assert [read_syslog(message)[1]["alert"] for message in wire.got] == ["high-0", "high-1", "high-2"]
    asyncio.run(sink.warn(sensor_alert()))
    assert read_syslog(wire.got[-1])[1]["alert"] == sensor_alert().id
    asyncio.run(sink.close())
    assert sink.health() == "syslog siem: broken"


def test_a_digest_is_a_message_too() -> None:
    wire = FakeWire()
    sink = SyslogSink(SyslogOptions(name="siem", wire=wire, form=SyslogForm(sensor=Sensor("1", "gw"))))
    asyncio.run(sink.digest(digest()))
    assert read_syslog(wire.got[0])[2].startswith("digest of 2026-01-01")
