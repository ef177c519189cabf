from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from egret.telemetry import logs
from egret.telemetry.logs import Log, configure

HOSTILE = 'evil\n2026 error forged="yes"\x1b[31m\u202e'


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    logger = logging.getLogger(logs.LOGGER_NAME)
    before = (list(logger.handlers), logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(form: Literal["auto", "text", "json"], stream: io.StringIO, **fields: Any) -> str:
    configure("info", form, stream)
    Log().event(logging.WARNING, "sink_failed", **fields)
    return stream.getvalue()


def test_text_on_a_terminal() -> None:
    line = written("auto", Terminal(), sink="soc", why="timed out", empty="", number=3)
    assert line.split(" ", 1)[1] == 'warning sink_failed sink=soc why="timed out" empty="" number=3\n'


def test_json_elsewhere() -> None:
    body = json.loads(written("auto", io.StringIO(), sink="soc", up=True, rate=0.5, none=None))
    assert body.pop("time").endswith("+00:00")
    assert body == {"level": "warning", "event": "sink_failed", "sink": "soc", "up": True, "rate": 0.5, "none": None}


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_comes_from_outside_stays_on_its_line(form: Literal["text", "json"]) -> None:
    line = written(form, io.StringIO(), why=HOSTILE)
    assert line.count("\n") == 1
    assert line[:-1].isprintable()
    assert len(written(form, io.StringIO(), why="x" * 100_000)) < 1000


def test_levels() -> None:
    stream = io.StringIO()
    configure("error", "text", stream)
    Log().event(logging.WARNING, "quiet")
    assert stream.getvalue() == ""
    configure("debug", "text", stream)
    Log().event(logging.DEBUG, "loud")
    assert stream.getvalue().count("loud") == 1


def test_repeats_are_counted_instead_of_written() -> None:
    now = [100.0]
    stream = io.StringIO()
    configure("info", "json", stream)
    log = Log(lambda: now[0])
    for _ in range(5):
        log.repeated(logging.ERROR, "store_failed", why="full")
    log.repeated(logging.ERROR, "store_failed", "other key", why="full")
    now[0] += logs.QUIET_S
    log.repeated(logging.ERROR, "store_failed", why="full")
    bodies = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [body.get("repeated") for body in bodies] == [None, None, 4]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_MAX_REMEMBERED", 10)
    configure("error", "json", io.StringIO())
    log = Log(lambda: 0.0)
    for number in range(100):
        log.repeated(logging.INFO, "event", str(number))
    assert len(log._last) <= 10


@pytest.mark.parametrize("form", ["text", "json"])
def test_our_own_errors_come_with_their_traceback(form: Literal["text", "json"]) -> None:
    stream = io.StringIO()
    configure("info", form, stream)
    try:
        raise RuntimeError("ours")
    except RuntimeError as error:
        Log().repeated(logging.ERROR, "internal_error", error=error)
    assert "Traceback" in stream.getvalue()
    assert "RuntimeError: ours" in stream.getvalue()
