from __future__ import annotations

import json
from typing import Any

import pytest

from egret.alerts.formats.ecs import alert_to_ecs, detection_to_ecs
from egret.alerts.incidents import Incidents
from egret.alerts.model import Sensor
from egret.model import Detection
from egret.value import replace
from tests.support.alerts import (
    HOSTILE,
    alerts_of,
    check_golden,
    connection,
    hello,
    hostile,
    lookup,
    opened,
    volume,
    whole_life,
)
from tests.support.ecs import faults

SENSOR = Sensor("1.2.3", "gw.example")


def check_fields(document: dict[str, Any]) -> None:
    assert faults(document) == []
    assert document["event"]["category"] == ["network"]


def test_bytes_are_what_each_end_sent() -> None:
    incidents = Incidents()
    alert = incidents.feed(hello())[0]
    assert "bytes" not in alert_to_ecs(alert, SENSOR)["source"]
    incidents.add_volume(volume(1, 5, 7))
    measured = alert_to_ecs(replace(alert, incident=incidents.open_incidents[0]), SENSOR)
    ends = ("source", "client", "destination", "server", "network")
    assert [measured[end]["bytes"] for end in ends] == [5, 5, 7, 7, 12]
    check_fields(measured)


def test_golden(update_golden: bool) -> None:
    lines = [json.dumps(alert_to_ecs(alert, SENSOR), indent=1) for alert in whole_life()]
    check_golden("life.ecs.json", "\n".join(lines) + "\n", update=update_golden)


def test_every_field_is_of_the_schema_or_ours() -> None:
    for alert in [*whole_life(), hostile()]:
        check_fields(alert_to_ecs(alert, SENSOR))


@pytest.mark.parametrize("detection", [lookup(), hello(), connection()], ids=["lookup", "hello", "connection"])
def test_detections_have_the_same_names(detection: Detection) -> None:
    document = detection_to_ecs(detection, SENSOR)
    check_fields(document)
    assert document["destination"]["domain"] == "chat.example"
    assert document["egret"]["signature"] == "example.chat"


def test_the_table_finds_what_is_wrong() -> None:
    document = alert_to_ecs(opened(), SENSOR)
    wrong = {
        "client": {"ip": "desk", "port": "80", "mac": "00:00:5e:00:53:11"},
        "tags": "egret",
        "egret_host": "x",
        "event": {"category": ["network"], "type": ["user"], "kind": "alarm", "start": "yesterday"},
    }
    assert faults(document | wrong) == [
        "event.type user",
        "tags is no array",
        "event.kind may not be 'alarm'",
        "event.start is no date: 'yesterday'",
        "client.ip is no ip: 'desk'",
        "client.port is no long: '80'",
        "client.mac has another shape: '00:00:5e:00:53:11'",
        "egret_host is no field of ECS",
    ]


def test_a_resolver_is_no_destination() -> None:
    [alert] = alerts_of(lookup())
    for document in (alert_to_ecs(alert, SENSOR), detection_to_ecs(lookup(), SENSOR)):
        assert "ip" not in document["destination"]
        assert document["destination"]["domain"] == document["dns"]["question"]["name"] == "chat.example"
        assert "192.0.2.53" in json.dumps(document["egret"])


def test_who_what_and_where() -> None:
    document = alert_to_ecs(opened(), SENSOR)
    assert document["event"]["kind"] == "alert"
    assert document["event"]["severity"] == 73
    assert document["client"]["ip"] == document["source"]["ip"] == "192.0.2.7"
    assert (document["destination"]["ip"], document["destination"]["port"]) == ("203.0.113.9", 443)
    assert document["tls"]["client"]["server_name"] == "chat.example"
    assert document["observer"]["ingress"]["interface"]["name"] == "lan0"
    assert document["egret"]["incident"]["operator"]["country"] == "CN"


def test_a_sensor_without_a_name_is_left_out() -> None:
    assert "hostname" not in alert_to_ecs(opened(), Sensor("1"))["observer"]


def test_our_own_fields_are_always_there() -> None:
    assert alert_to_ecs(opened(), SENSOR)["egret"]["previous_severity"] is None


def test_hostile_text_stays_text() -> None:
    line = json.dumps(alert_to_ecs(hostile(), SENSOR))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["destination"]["domain"] == HOSTILE
    assert json.loads(line)["message"].isprintable()
