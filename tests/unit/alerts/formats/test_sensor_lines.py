from __future__ import annotations

import json

import pytest

from egret.alerts.formats.lines import LINES
from egret.alerts.formats.sensor_lines import SENSOR_LINES
from egret.alerts.model import Sensor
from egret.value import replace
from tests.support.alerts import HOSTILE, sensor_alert
from tests.support.lines import read_cef, read_leef

SENSOR = Sensor("1.2.3", "gw.example")


def test_there_is_one_for_each_format() -> None:
    assert set(SENSOR_LINES) == set(LINES)


@pytest.mark.parametrize("name", sorted(SENSOR_LINES))
def test_one_printable_line_whatever_is_in_it(name: str) -> None:
    alert = sensor_alert()
    for each in (alert, replace(alert, finding=replace(alert.finding, text=HOSTILE, advice=HOSTILE))):
        assert SENSOR_LINES[name](each, SENSOR).isprintable()


def test_what_the_lines_say() -> None:
    alert = sensor_alert()
    head, fields = read_cef(SENSOR_LINES["cef"](alert, SENSOR))
    assert head[4] == f"egret.sensor.{alert.finding.problem.value}"
    assert (fields["act"], fields["externalId"]) == (alert.turn.value, alert.id)
    head, attributes = read_leef(SENSOR_LINES["leef"](alert, SENSOR))
    assert head[4] == f"egret.sensor.{alert.finding.problem.value}"
    assert attributes["sensor"] == "gw.example"
    assert json.loads(SENSOR_LINES["eve"](alert, SENSOR))["egret_sensor"]["id"] == alert.id
    assert json.loads(SENSOR_LINES["ecs"](alert, SENSOR))["event"]["id"] == alert.id
    assert json.loads(SENSOR_LINES["ocsf"](alert, SENSOR))["metadata"]["uid"] == alert.id
