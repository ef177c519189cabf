from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from egret.alerts.formats.eve import alert_to_eve
from egret.alerts.model import Alert, Sensor
from egret.model import Severity
from egret.value import replace
from tests.support.alerts import alerts_of, check_golden, hello, hostile, lookup, numbered, opened, whole_life

SENSOR = Sensor("1.2.3", "gw.example")
TEXT, NUMBER = {"type": "string"}, {"type": "integer", "minimum": 0}
TEXTS = {"type": "array", "items": TEXT, "minItems": 1}
# Ours, after the field names and types of the Suricata user guide, "EVE JSON Format": what its readers rely on.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["timestamp", "event_type", "alert", "flow", "egret"],
    "additionalProperties": False,
    "properties": {
        "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000$"},
        "event_type": {"const": "alert"},
        **dict.fromkeys(("host", "in_iface", "src_ip", "dest_ip", "app_proto"), TEXT),
        "dest_port": {"type": "integer", "minimum": 0, "maximum": 65535},
        "proto": {"enum": ["TCP", "UDP"]},
        "community_id": {"type": "string", "pattern": "^1:[A-Za-z0-9+/]{27}=$"},
        "tls": {"type": "object", "properties": {"sni": TEXT}, "additionalProperties": False},
        "http": {"type": "object", "properties": {"hostname": TEXT}, "additionalProperties": False},
        "dns": {"type": "object", "required": ["type", "rrname"], "properties": {"type": {"const": "query"}}},
        "flow": {
            "type": "object",
            "required": ["start"],
            "properties": {"start": TEXT, "bytes_toserver": NUMBER, "bytes_toclient": NUMBER},
            "additionalProperties": False,
        },
        "alert": {
            "type": "object",
            "required": ["action", "gid", "signature_id", "rev", "signature", "category", "severity"],
            "properties": {
                "action": {"const": "allowed"},
                **dict.fromkeys(("gid", "signature_id", "rev"), NUMBER),
                **dict.fromkeys(("signature", "category"), TEXT),
                "severity": {"type": "integer", "minimum": 1, "maximum": 4},
                "metadata": {"type": "object", "additionalProperties": TEXTS},
            },
            "additionalProperties": False,
        },
        "egret": {"type": "object"},
    },
}


def test_golden(update_golden: bool) -> None:
    lines = [json.dumps(alert_to_eve(alert, SENSOR), indent=1) for alert in whole_life()]
    check_golden("life.eve.json", "\n".join(lines) + "\n", update=update_golden)


@pytest.mark.parametrize("alert", [*whole_life(), hostile()], ids=lambda alert: alert.action.value)
def test_every_alert_has_its_fields(alert: Alert) -> None:
    jsonschema.validate(alert_to_eve(alert, SENSOR), SCHEMA)
    jsonschema.validate(alert_to_eve(alert, Sensor("1")), SCHEMA)


def test_a_connection_and_a_look_up() -> None:
    event = alert_to_eve(opened(), SENSOR)
    assert (event["proto"], event["app_proto"], event["tls"]) == ("TCP", "tls", {"sni": "chat.example"})
    assert (event["dest_ip"], event["dest_port"]) == ("203.0.113.9", 443)
    asked = alert_to_eve(alerts_of(lookup())[0], SENSOR)
    assert (asked["app_proto"], asked["dns"]["rrname"]) == ("dns", "chat.example")
    assert "dest_ip" not in asked


def test_a_flow_that_nothing_named_is_of_no_protocol() -> None:
    bare = replace(opened().incident, protocols={"tcp": 1})
    event = alert_to_eve(replace(opened(), incident=bare), SENSOR)
    assert not {"proto", "app_proto", "tls", "dns"} & set(event)
    nothing = replace(bare, servers=(), hosts=())
    assert "dns" not in alert_to_eve(replace(opened(), incident=nothing), SENSOR)


@pytest.mark.parametrize(("severity", "number"), list(zip(Severity, (4, 3, 2, 1, 1), strict=True)))
def test_one_is_the_gravest(severity: Severity, number: int) -> None:
    assert alert_to_eve(numbered(1, severity)[0], SENSOR)["alert"]["severity"] == number


def test_it_stays_small() -> None:
    many = alerts_of(*(hello(n, name=f"n{n}.chat.example") for n in range(30)))[-1]
    assert len(alert_to_eve(many, SENSOR)["egret"]["hosts"]) <= 8
