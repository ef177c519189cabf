"""Alerts about the sensor itself in the line formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from egret.alerts.formats.cef import SEVERITY, cef_line
from egret.alerts.formats.inert import inert
from egret.alerts.formats.leef import leef_line
from egret.alerts.formats.sensor import sensor_headline, sensor_to_dict, sensor_to_ecs, sensor_to_ocsf
from egret.alerts.model import Sensor
from egret.alerts.sensor import SensorAlert
from egret.alerts.timestamps import rfc3339

SensorLine = Callable[[SensorAlert, Sensor], str]


def _dump(document: Mapping[str, object]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _text(alert: SensorAlert, _sensor: Sensor) -> str:
    return inert(sensor_headline(alert))


def _cef(alert: SensorAlert, sensor: Sensor) -> str:
    name = alert.finding.problem.value
    head = (sensor.version, f"egret.sensor.{name}", f"sensor {name.replace('_', ' ')}", str(SEVERITY[alert.severity]))
    return cef_line(head, _fields(alert, sensor, ("rt", "dvchost")), None)


def _leef(alert: SensorAlert, sensor: Sensor) -> str:
    return leef_line(
        (sensor.version, f"egret.sensor.{alert.finding.problem.value}"),
        [("sev", SEVERITY[alert.severity]), *_fields(alert, sensor, ("devTime", "sensor"))],
        None,
    )


def _fields(alert: SensorAlert, sensor: Sensor, names: tuple[str, str]) -> Iterator[tuple[str, object]]:
    yield names[0], alert.time_ns // 1_000_000
    yield "externalId", alert.id
    yield "act", alert.turn.value
    yield "msg", sensor_headline(alert)
    yield names[1], sensor.hostname


def _eve(alert: SensorAlert, sensor: Sensor) -> str:
    event = {"timestamp": f"{rfc3339(alert.time_ns)[:26]}+0000", "event_type": "egret_sensor", "host": sensor.hostname}
    return _dump({**event, "egret_sensor": sensor_to_dict(alert, sensor)})


def _own(alert: SensorAlert, sensor: Sensor) -> str:
    return _dump(sensor_to_dict(alert, sensor))


def _ecs(alert: SensorAlert, sensor: Sensor) -> str:
    return _dump(sensor_to_ecs(alert, sensor))


def _ocsf(alert: SensorAlert, sensor: Sensor) -> str:
    return _dump(sensor_to_ocsf(alert, sensor))


SENSOR_LINES: Mapping[str, SensorLine] = {
    "text": _text,
    "cef": _cef,
    "leef": _leef,
    "eve": _eve,
    "ecs": _ecs,
    "jsonl": _own,
    "ocsf": _ocsf,
}
