"""A readable line for every alert on a terminal, or wherever standard output goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from egret.alerts.digest import Digest
from egret.alerts.formats.digest import digest_lines
from egret.alerts.formats.sensor import sensor_line
from egret.alerts.formats.text import one_line, several_lines
from egret.alerts.model import Action, Alert
from egret.alerts.sensor import SensorAlert
from egret.errors import SinkTemporary
from egret.model import Severity
from egret.sinks.blocking import OneAtATime

_COLOURS = {
    Severity.INFO: "2",  # faint
    Severity.LOW: "36",
    Severity.MEDIUM: "33",
    Severity.HIGH: "31",
    Severity.CRITICAL: "1;31",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalOptions:
    """How alerts look on the terminal."""

    name: str = "terminal"
    explain: bool = True  # the lines below an opened alert: hosts, reasons, alternatives
    stream: TextIO | None = None  # None: standard output


class TerminalSink:
    """Writes lines; colours only where a person looks, and not where NO_COLOR asks for none."""

    def __init__(self, options: TerminalOptions) -> None:
        self.name = options.name
        self._explain = options.explain
        self._stream = options.stream or sys.stdout
        self._colour = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self._writer = OneAtATime(f"sink {options.name}")

    def health(self) -> str | None:
        """A closed stream is all that can be wrong."""
        return "the output stream is closed" if self._stream.closed else None

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Write *alerts*; see ``Sink.send``."""
        text = "".join(f"{line}\n" for alert in alerts for line in self._lines(alert))
        await self._writer.run(lambda: self._write(text))

    async def warn(self, alert: SensorAlert) -> None:
        """Write *alert*; see ``sinks.notices.Warns``."""
        text = f"{self._coloured(sensor_line(alert), alert.severity)}\n"
        await self._writer.run(lambda: self._write(text))

    async def digest(self, digest: Digest) -> None:
        """Write *digest*; see ``sinks.base.TakesDigests``."""
        text = "".join(f"{line}\n" for line in digest_lines(digest))
        await self._writer.run(lambda: self._write(text))

    def _lines(self, alert: Alert) -> list[str]:
        lines = several_lines(alert) if self._explain and alert.action is Action.OPENED else [one_line(alert)]
        return [self._coloured(lines[0], alert.severity), *lines[1:]]

    def _coloured(self, line: str, severity: Severity) -> str:
        return f"\x1b[{_COLOURS[severity]}m{line}\x1b[0m" if self._colour else line

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            raise SinkTemporary(f"cannot write to the terminal: {error}") from error

    async def close(self) -> None:
        """The stream is not ours to close."""
