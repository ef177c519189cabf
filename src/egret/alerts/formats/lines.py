"""Every format as one line of text, within a bound where the receiver has one.

A JSON document that is too long keeps its shape: its lists and texts are cut, and it says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from egret.alerts.formats.cef import alert_to_cef
from egret.alerts.formats.inert import cut, inert
from egret.alerts.formats.leef import alert_to_leef
from egret.alerts.formats.table import FORMATS
from egret.alerts.formats.text import headline
from egret.alerts.model import Alert, Sensor

Line = Callable[[Alert, Sensor, int | None], str]  # None: no bound
SMALLEST_JSON = 8192  # bytes: every JSON format fits into it
_CUTS = ((32, 1024), (16, 512), (8, 256), (4, 128), (2, 64), (1, 64))  # entries of a list, characters of a text
_OURS = {"ecs": "egret", "eve": "egret", "ocsf": "unmapped"}  # where our own fields are


def text_line(alert: Alert, _sensor: Sensor, limit: int | None = None) -> str:
    """The sentence for people."""
    text = inert(headline(alert))
    return text if limit is None else cut(text, limit)


def json_line(name: str, alert: Alert, sensor: Sensor, limit: int | None = None) -> str:
    """The document of the JSON format *name*, ASCII; with ``truncated`` among our fields where it was cut."""
    document = FORMATS[name](alert, sensor)
    line = _dump(document)
    if limit is None or len(line) <= limit:
        return line
    for entries, characters in _CUTS:
        shorter = _shortened(document, entries, characters)
        (shorter[_OURS[name]] if name in _OURS else shorter)["truncated"] = True
        line = _dump(shorter)
        if len(line) <= limit:
            break
    return line


def _dump(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _shortened(value: Any, entries: int, characters: int) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(item, entries, characters) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, entries, characters) for item in value[:entries]]
    return value[:characters] if isinstance(value, str) else value


JSON_LINES: Mapping[str, Line] = {name: partial(json_line, name) for name in FORMATS}
LINES: Mapping[str, Line] = {"text": text_line, "cef": alert_to_cef, "leef": alert_to_leef, **JSON_LINES}
