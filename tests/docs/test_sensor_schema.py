"""The published schema of alerts about the sensor fits every one of them, and no alert about an incident."""

from __future__ import annotations

import json

import jsonschema
import pytest

from egret.alerts.formats.sensor_lines import SENSOR_LINES
from egret.alerts.formats.table import alert_to_own
from egret.alerts.model import Sensor
from tests.support.alerts import opened, sensor_alert
from tests.support.documents import ROOT

SENSOR = Sensor("1.2.3", "gw.example")
SCHEMA = json.loads((ROOT / "docs/sensor-alert.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("sensor", [SENSOR, Sensor("1")], ids=["named", "nameless"])
def test_every_alert_is_valid_and_every_field_described(turn: int, sensor: Sensor) -> None:
    document = json.loads(SENSOR_LINES["jsonl"](sensor_alert(turn), sensor))
    VALIDATOR.validate(document)
    assert set(document) == set(SCHEMA["properties"])
    VALIDATOR.validate(document | {"later": 1})


def test_nothing_else_is() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = json.loads(SENSOR_LINES["jsonl"](sensor_alert(), SENSOR))
    for name in document:
        assert not VALIDATOR.is_valid({key: value for key, value in document.items() if key != name})
    for change in ({"schema": "egret.sensor-alert/2"}, {"action": "exploded"}, {"time": "today"}):
        assert not VALIDATOR.is_valid(document | change)
    assert not VALIDATOR.is_valid(alert_to_own(opened(), SENSOR))
