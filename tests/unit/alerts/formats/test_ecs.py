from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from egret.alerts.formats.ecs import alert_to_ecs, detection_to_ecs
from egret.alerts.incidents import Incidents
from egret.alerts.model import Sensor
from egret.model import Detection
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

SENSOR = Sensor("1.2.3", "gw.example")
# The names that we use of the ECS 9 field reference, with the JSON type that each takes.
FIELDS = {
    **dict.fromkeys(
        [
            "@timestamp",
            "ecs.version",
            "message",
            "event.kind",
            "event.action",
            "event.id",
            "event.module",
            "event.dataset",
            "event.provider",
            "event.reason",
            "event.start",
            "event.end",
            "rule.id",
            "rule.name",
            "rule.category",
            "rule.ruleset",
            "rule.reference",
            "client.ip",
            "client.address",
            "source.ip",
            "source.address",
            "destination.ip",
            "destination.domain",
            "destination.address",
            "destination.geo.country_iso_code",
            "destination.as.organization.name",
            "server.ip",
            "server.domain",
            "server.address",
            "server.geo.country_iso_code",
            "server.as.organization.name",
            "network.protocol",
            "network.transport",
            "network.type",
            "network.direction",
            "network.community_id",
            "dns.question.name",
            "tls.client.server_name",
            "observer.vendor",
            "observer.product",
            "observer.type",
            "observer.version",
            "observer.hostname",
            "observer.ingress.interface.name",
        ],
        str,
    ),
    **dict.fromkeys(
        [
            "event.sequence",
            "event.severity",
            "client.bytes",
            "source.bytes",
            "destination.bytes",
            "server.bytes",
            "network.bytes",
            "client.port",
            "source.port",
            "destination.port",
            "destination.as.number",
            "server.port",
            "server.as.number",
        ],
        int,
    ),
    **dict.fromkeys(["tags", "event.category", "event.type", "related.ip", "related.hosts"], list),
    "event.risk_score": float,
}
NETWORK_TYPES = {"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"}  # of event.category


def flat(value: dict[str, Any], prefix: str = "") -> dict[str, object]:
    result: dict[str, object] = {}
    for key, item in value.items():
        if isinstance(item, dict):
            result |= flat(item, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = item
    return result


def check_fields(document: dict[str, Any]) -> None:
    for name, value in flat({key: item for key, item in document.items() if key != "egret"}).items():
        assert name in FIELDS, name
        assert type(value) is FIELDS[name], name
    assert document["event"]["category"] == ["network"]
    assert set(document["event"]["type"]) <= NETWORK_TYPES


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
