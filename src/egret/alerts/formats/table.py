"""The JSON formats by the name that the command line and the config use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from egret.alerts.codec import alert_to_dict
from egret.alerts.formats.ecs import alert_to_ecs
from egret.alerts.formats.eve import alert_to_eve
from egret.alerts.formats.ocsf import alert_to_ocsf
from egret.alerts.model import Alert, Sensor

Formatter = Callable[[Alert, Sensor], dict[str, Any]]


def alert_to_own(alert: Alert, sensor: Sensor) -> dict[str, Any]:
    """Give *alert* in our own, versioned form, with the sensor that said it."""
    return {**alert_to_dict(alert), "sensor": {"version": sensor.version, "hostname": sensor.hostname}}


FORMATS: Mapping[str, Formatter] = {
    "jsonl": alert_to_own,
    "ecs": alert_to_ecs,
    "ocsf": alert_to_ocsf,
    "eve": alert_to_eve,
}
