from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

import pytest

from egret.alerts.formats.digest import digest_lines
from egret.errors import SinkTemporary
from egret.model import Severity
from egret.sinks.terminal import TerminalOptions, TerminalSink
from tests.support.alerts import hostile, numbered, opened, sensor_alert, whole_life
from tests.support.digest import digest


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, *, explain: bool = True) -> str:
    async def run() -> None:
        sink = TerminalSink(TerminalOptions(stream=stream, explain=explain))
        await sink.send(whole_life())
        await sink.close()

    asyncio.run(run())
    return stream.getvalue()


def test_a_line_for_each_alert_and_more_for_the_first() -> None:
    lines = shown(io.StringIO()).splitlines()
    assert [line.split()[2] for line in lines if line.startswith("2026")] == [
        "opened",
        "escalated",
        "updated",
        "closed",
    ]
    assert sum(line.startswith("    ") for line in lines) == 4
    assert len(shown(io.StringIO(), explain=False).splitlines()) == 4


def test_colours_are_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[31m" in shown(Tty())
    assert "\x1b" not in shown(io.StringIO())


def test_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in shown(Tty())


def test_every_severity_has_a_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    sink = TerminalSink(TerminalOptions(stream=Tty()))
    for severity in Severity:
        assert sink._lines(numbered(1, severity)[0])[0].startswith("\x1b[")


def test_alerts_about_the_sensor_are_lines_too() -> None:
    stream = Tty()
    asyncio.run(TerminalSink(TerminalOptions(stream=stream)).warn(sensor_alert()))
    assert "link down: lan0 is down; look" in stream.getvalue()
    assert stream.getvalue().endswith("\n")


def test_hostile_text_and_narrow_encodings() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    asyncio.run(TerminalSink(TerminalOptions(stream=stream)).send([hostile()]))
    text = raw.getvalue().decode("ascii")
    assert all(line.isprintable() for line in text.splitlines())
    assert "\x1b" not in text


def test_a_stream_that_is_gone_is_temporary() -> None:
    stream = io.StringIO()
    sink = TerminalSink(TerminalOptions(stream=stream))
    assert sink.health() is None
    stream.close()
    assert sink.health() == "the output stream is closed"
    with pytest.raises(SinkTemporary, match="terminal"):
        asyncio.run(sink.send([opened()]))


def test_a_full_disk_behind_the_stream_is_temporary() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        sink = TerminalSink(TerminalOptions(stream=full))
        with pytest.raises(SinkTemporary, match="space"):
            asyncio.run(sink.send([opened()]))
        full.buffer.raw.close()  # type: ignore[attr-defined]


def test_standard_output_is_the_default() -> None:
    assert TerminalSink(TerminalOptions())._stream is sys.stdout


def test_a_digest_is_lines_too() -> None:
    stream = Tty()
    asyncio.run(TerminalSink(TerminalOptions(stream=stream)).digest(digest()))
    assert stream.getvalue().splitlines() == digest_lines(digest())
