"""Log lines: ``event key=value`` on a terminal, one JSON object a line elsewhere, to standard error.

ERROR: somebody must act. WARNING: degraded, recovering. INFO: lifecycle. DEBUG: details. Nothing per packet, and a
repeated event at most once per 10 seconds, with the count. Text from outside is escaped: logs are an injection target.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal, TextIO

from egret.names import printable

LOGGER_NAME = "egret"
QUIET_S = 10.0
MAX_VALUE = 500  # characters of one field; a longer text says no more
_MAX_REMEMBERED = 1024  # events whose repeats are counted; event names are ours, so this is never reached

Fields = Mapping[str, object]


def configure(level: str, form: Literal["auto", "text", "json"], stream: TextIO) -> None:
    """Send Egret's log to *stream*; calling it again replaces what was set before."""
    handler = logging.StreamHandler(stream)
    as_text = form == "text" or (form == "auto" and stream.isatty())
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    logger = logging.getLogger(LOGGER_NAME)
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


class TextFormatter(logging.Formatter):
    """``12:00:00 warning sink_failed sink=soc error="timed out"``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback, which only our own errors have, follows on its own lines."""
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        fields = "".join(f" {key}={_text(value)}" for key, value in _fields(record).items())
        line = f"{moment} {record.levelname.lower()} {printable(record.getMessage())}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, event, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """ASCII only, so that no reader's terminal is reached by what is inside."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        body: dict[str, object] = {"time": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        body |= {key: _plain(value) for key, value in _fields(record).items()}
        if record.exc_info:
            body["traceback"] = self.formatException(record.exc_info)
        return json.dumps(body)


def _fields(record: logging.LogRecord) -> Fields:
    fields: Fields = getattr(record, "fields", {})
    return fields


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return printable(str(value))[:MAX_VALUE]


def _text(value: object) -> str:
    """Quoted where a reader could not tell where the value ends."""
    text = str(_plain(value))
    return json.dumps(text, ensure_ascii=False) if not text or any(c in ' "=' for c in text) else text


class Log:
    """Writes events, and counts those that come again too soon.

    Args:
        monotonic: seconds that never go back; a test gives its own.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._logger = logging.getLogger(LOGGER_NAME)
        self._monotonic = monotonic
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def event(self, level: int, event: str, **fields: object) -> None:
        """Write one line; for things that happen rarely by their nature."""
        self._logger.log(level, event, extra={"fields": fields})

    def repeated(
        self, level: int, event: str, key: str = "", *, error: BaseException | None = None, **fields: object
    ) -> None:
        """Write at most one line per *event* and *key* in 10 s; the next says how many went unsaid.

        Args:
            level: of the logging module.
            event: what happened, in snake_case.
            key: tells apart what must not silence each other: a sink's name, a stage.
            error: its traceback is written too; only for errors of our own.
            fields: what else to say.
        """
        now = self._monotonic()
        since, unsaid = self._last.get((event, key), (now - QUIET_S, 0))
        if now - since < QUIET_S:
            self._last[event, key] = (since, unsaid + 1)
            return
        if len(self._last) >= _MAX_REMEMBERED:
            self._last.clear()
        self._last[event, key] = (now, 0)
        if unsaid:
            fields["repeated"] = unsaid
        self._logger.log(level, event, extra={"fields": fields}, exc_info=error)
