from __future__ import annotations

import json
import struct

from egret.alerts.formats.journal import MESSAGE_ID, digest_entry, journal_entry, sensor_entry, serialised
from egret.alerts.model import Sensor
from tests.support.alerts import hostile, opened, sensor_alert
from tests.support.digest import digest

SENSOR = Sensor("1.2.3", "gw.example")


def fields(entry: bytes) -> dict[str, str]:
    return dict(line.split("=", 1) for line in entry.decode().splitlines())


def test_an_entry_has_message_level_and_facts() -> None:
    entry = fields(journal_entry(opened(), SENSOR))
    assert entry["MESSAGE"].startswith("192.0.2.7 connected to Example Chat")
    assert (entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"], entry["MESSAGE_ID"]) == ("3", "egret", MESSAGE_ID)
    assert (entry["EGRET_CLIENT"], entry["EGRET_HOST"], entry["EGRET_OPERATOR"]) == ("192.0.2.7", "chat.example", "CN")
    assert entry["EGRET_COMMUNITY_ID"] == opened().incident.community_id
    assert json.loads(entry["EGRET_JSON"])["id"] == opened().id
    assert "EGRET_CLIENT_NAME" not in entry


def test_no_name_makes_a_field_of_its_own() -> None:
    entry = fields(journal_entry(hostile(), SENSOR))
    assert all(
        key in {"MESSAGE", "MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER"} or key.startswith("EGRET_") for key in entry
    )
    assert entry["MESSAGE"].isprintable()


def test_a_value_with_a_line_end_carries_its_length() -> None:
    assert b"".join(serialised([("A", "1"), ("B", "x\ny=z")])) == b"A=1\nB\n" + struct.pack("<Q", 5) + b"x\ny=z\n"


def test_an_alert_about_the_sensor_is_an_entry_too() -> None:
    entry = fields(sensor_entry(sensor_alert(), SENSOR))
    assert entry["MESSAGE"].startswith("sensor ")
    assert (entry["EGRET_ALERT"], entry["EGRET_PROBLEM"]) == (sensor_alert().id, sensor_alert().finding.problem.value)


def test_a_digest_is_an_entry_too() -> None:
    entry = fields(digest_entry(digest(), SENSOR))
    assert entry["MESSAGE"].startswith("digest of 2026-01-01")
    assert (entry["EGRET_ALERT"], entry["EGRET_ACTION"]) == (digest().id, "digest")
