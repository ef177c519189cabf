from __future__ import annotations

import json
from typing import Any

import pytest

from egret.alerts.formats.ocsf import alert_to_ocsf
from egret.alerts.incidents import Incidents
from egret.alerts.model import Action, Sensor
from egret.model import Hosting, Severity
from egret.value import replace
from tests.support.alerts import (
    alerts_of,
    check_golden,
    hello,
    hostile,
    lookup,
    numbered,
    opened,
    signature,
    volume,
    whole_life,
)
from tests.support.ocsf import validator

SENSOR = Sensor("1.2.3", "gw.example")


def test_golden(update_golden: bool) -> None:
    lines = [json.dumps(alert_to_ocsf(alert, SENSOR), indent=1) for alert in whole_life()]
    check_golden("life.ocsf.json", "\n".join(lines) + "\n", update=update_golden)


def test_every_alert_is_valid() -> None:
    finding = validator("detection_finding")
    bare = alerts_of(hello(sig=replace(signature(), alternatives=(), references=()), reasons=()))[0]
    server = replace(bare.incident.servers[0], host=None, hosting=Hosting())
    nowhere = replace(bare, incident=replace(bare.incident, servers=(server,)))
    nothing = replace(bare, incident=replace(bare.incident, servers=(), hosts=()))
    for alert in [*whole_life(), hostile(), bare, nowhere, nothing, *numbered(1, Severity.CRITICAL)]:
        finding.validate(alert_to_ocsf(alert, SENSOR))
    finding.validate(alert_to_ocsf(opened(), Sensor("1")))
    linked = replace(opened(), incident=replace(opened().incident, page="https://egret.example/incidents/1"))
    finding.validate(alert_to_ocsf(linked, SENSOR))


def test_a_life_is_create_update_close() -> None:
    events = [alert_to_ocsf(alert, SENSOR) for alert in whole_life()]
    assert [event["activity_name"] for event in events] == ["Create", "Update", "Update", "Close"]
    assert [event["type_uid"] for event in events] == [200401, 200402, 200402, 200403]
    assert [event["is_alert"] for event in events] == [True, True, False, False]
    assert {event["finding_info"]["uid"] for event in events} == {events[0]["metadata"]["correlation_uid"]}
    assert len({event["metadata"]["uid"] for event in events}) == 4
    assert [event["status"] for event in events] == ["New", "New", "New", "Closed"]


@pytest.mark.parametrize(("severity", "number"), [(s, n) for n, s in enumerate(Severity, start=1)])
def test_severities(severity: Severity, number: int) -> None:
    assert alert_to_ocsf(numbered(1, severity)[0], SENSOR)["severity_id"] == number


def test_times_are_milliseconds() -> None:
    assert alert_to_ocsf(opened(), SENSOR)["time"] == 1_767_225_600_123


def values(observables: list[dict[str, Any]]) -> dict[str, str]:
    return {observable["name"]: observable["value"] for observable in observables}


def test_observables_are_client_server_and_host() -> None:
    assert set(values(alert_to_ocsf(opened(), SENSOR)["observables"]).values()) == {
        "192.0.2.7",
        "203.0.113.9",
        "chat.example",
    }
    [alert] = alerts_of(lookup())
    assert values(alert_to_ocsf(alert, SENSOR)["observables"])["evidences[].query.hostname"] == "chat.example"


def test_hostile_text_stays_text() -> None:
    line = json.dumps(alert_to_ocsf(hostile(), SENSOR))
    assert line.isascii()
    assert line.isprintable()


def test_every_action_has_an_activity() -> None:
    for action in Action:
        assert alert_to_ocsf(replace(opened(), action=action), SENSOR)["activity_id"] in {1, 2, 3}


def test_volume_is_evidence() -> None:
    incidents = Incidents()
    alert = incidents.feed(hello())[0]
    incidents.add_volume(volume(1, 5, 7))
    measured = replace(alert, incident=incidents.open_incidents[0])
    assert alert_to_ocsf(measured, SENSOR)["evidences"][-1] == {
        "src_endpoint": {"ip": "192.0.2.7"},
        "data": {"traffic": {"bytes": 12, "bytes_out": 5, "bytes_in": 7}},
    }
