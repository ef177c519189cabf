"""Alerts about the sensor itself: for people, as our own JSON, in ECS field names, and as OCSF events."""

from __future__ import annotations

from typing import Any

from egret.alerts.formats.ecs import ECS_VERSION
from egret.alerts.formats.ocsf import OCSF_VERSION, SEVERITY
from egret.alerts.model import Sensor
from egret.alerts.sensor import SENSOR_SCHEMA, SensorAlert, Turn
from egret.alerts.timestamps import rfc3339
from egret.model import Severity
from egret.names import printable

_SEVERITY = {Severity.INFO: 1, Severity.LOW: 21, Severity.MEDIUM: 47, Severity.HIGH: 73, Severity.CRITICAL: 99}
_APPLICATION_ERROR = 6008
_PHASE = {Turn.RAISED: "start", Turn.REMINDED: "info", Turn.RECOVERED: "end"}


def sensor_line(alert: SensorAlert) -> str:
    """Write *alert* as one printable line, without a line end."""
    second = f"{rfc3339(alert.time_ns)[:19]}Z"
    return f"{second} {alert.severity.value.upper():<8} {alert.turn.value:<9} {sensor_headline(alert)}"


def sensor_headline(alert: SensorAlert) -> str:
    """Say in one sentence what is amiss, or was."""
    finding = alert.finding
    words = f"sensor {finding.problem.value.replace('_', ' ')}: {finding.text}"
    if alert.turn is Turn.RAISED:
        return printable(f"{words}; {finding.advice}")
    since = f"since {rfc3339(alert.since_ns)[:19]}Z"
    return printable(f"{words} ({'over; it stood ' if alert.turn is Turn.RECOVERED else ''}{since})")


def sensor_to_dict(alert: SensorAlert, sensor: Sensor) -> dict[str, Any]:
    """Give *alert* as JSON-able values."""
    finding = alert.finding
    return {
        "schema": SENSOR_SCHEMA,
        "kind": "sensor",
        "id": alert.id,
        "action": alert.turn.value,
        "time": rfc3339(alert.time_ns),
        "since": rfc3339(alert.since_ns),
        "severity": alert.severity.value,
        "problem": finding.problem.value,
        "subject": finding.subject,
        "text": finding.text,
        "advice": finding.advice,
        "sensor": {"hostname": sensor.hostname, "version": sensor.version},
    }


def sensor_to_ecs(alert: SensorAlert, sensor: Sensor) -> dict[str, Any]:
    """Give *alert* in ECS field names: an event about a host, the observer's own."""
    document = sensor_to_dict(alert, sensor)
    host = {"hostname": sensor.hostname} if sensor.hostname else {}
    return {
        "@timestamp": document["time"],
        "ecs": {"version": ECS_VERSION},
        "message": sensor_headline(alert),
        "tags": ["egret", "sensor", alert.finding.problem.value],
        "event": {
            "kind": "alert",
            "category": ["host"],
            "type": [_PHASE[alert.turn]],
            "action": f"sensor-{alert.turn.value}",
            "id": alert.id,
            "severity": _SEVERITY[alert.severity],
            "module": "egret",
            "dataset": "egret.sensor",
            "provider": "egret",
            "reason": alert.finding.text,
            "start": document["since"],
        },
        "observer": {"vendor": "Egret", "product": "egret", "type": "sensor", "version": sensor.version, **host},
        "egret": {key: value for key, value in document.items() if key != "sensor"},
    }


def sensor_to_ocsf(alert: SensorAlert, sensor: Sensor) -> dict[str, Any]:
    """Give *alert* as an OCSF event: Application Error (6008), by its status a failure or one that is over.

    Ref: OCSF schema 1.5.0, classes/application_error.
    """
    over, finding = alert.turn is Turn.RECOVERED, alert.finding
    activity, activity_name = (99, "Recovered") if over else (1, "General Error")
    severity, severity_name = SEVERITY[alert.severity]
    return {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": _APPLICATION_ERROR,
        "class_name": "Application Error",
        "type_uid": _APPLICATION_ERROR * 100 + activity,
        "type_name": f"Application Error: {activity_name}",
        "time": alert.time_ns // 1_000_000,
        "start_time": alert.since_ns // 1_000_000,
        "severity_id": severity,
        "severity": severity_name,
        "status_id": 1 if over else 2,
        "status": "Success" if over else "Failure",
        "status_code": finding.problem.value,
        "status_detail": printable(finding.advice),
        "message": sensor_headline(alert),
        "metadata": {
            "version": OCSF_VERSION,
            "uid": alert.id,
            "correlation_uid": f"{finding.problem.value} {printable(finding.subject)}".strip(),
            "event_code": f"sensor-{alert.turn.value}",
            "log_name": "egret.sensor",
            "product": {"name": "Egret", "vendor_name": "Egret", "version": sensor.version},
            **({"loggers": [{"name": sensor.hostname}]} if sensor.hostname else {}),
        },
        "unmapped": {"egret": sensor_to_dict(alert, sensor)},
    }
