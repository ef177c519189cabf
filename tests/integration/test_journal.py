"""A real systemd-journald takes what we send, and journalctl finds it by our fields."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from egret.alerts.formats.journal import MESSAGE_ID
from egret.alerts.model import Alert, Sensor
from egret.errors import SinkTemporary
from egret.sinks.journal import JournalOptions, JournalSink
from egret.value import replace
from tests.support.alerts import hostile, numbered, opened, sensor_alert, whole_life
from tests.support.journald import Journald

pytestmark = pytest.mark.integration
LARGE = 300_000  # no datagram holds it


@pytest.fixture(scope="module")
def journald() -> Iterator[Journald]:
    with Journald() as running:
        yield running


def sink(journald: Journald) -> JournalSink:
    return JournalSink(JournalOptions(sensor=Sensor("1.2.3", "gw"), path=journald.socket))


def write(journald: Journald, *alerts: Alert) -> None:
    async def run() -> None:
        to = sink(journald)
        assert to.health() is None
        await to.send(alerts)
        await to.close()

    asyncio.run(run())


def test_an_incident_is_found_by_its_fields(journald: Journald) -> None:
    life = whole_life()
    write(journald, *life)
    incident = life[0].incident.id
    found = journald.wait_for(lambda entries: len(entries) == 4, f"EGRET_INCIDENT={incident}")
    assert [entry["EGRET_ACTION"] for entry in found] == ["opened", "escalated", "updated", "closed"]
    assert {entry["MESSAGE_ID"] for entry in found} == {MESSAGE_ID}
    assert {entry["SYSLOG_IDENTIFIER"] for entry in found} == {"egret"}
    assert [entry["PRIORITY"] for entry in found] == ["4", "3", "3", "3"]
    assert [json.loads(entry["EGRET_JSON"])["id"] for entry in found] == [alert.id for alert in life]
    assert found[1]["MESSAGE"].startswith("192.0.2.7 connected to Example Chat")
    assert journald.entries("--priority=err", f"EGRET_INCIDENT={incident}", "EGRET_HOST=cdn.chat.example") == found[2:]


def test_hostile_text_stays_text(journald: Journald) -> None:
    write(journald, hostile())
    [entry] = journald.wait_for(bool, f"EGRET_ALERT={hostile().id}", f"EGRET_CLIENT={hostile().incident.client}")
    assert entry["MESSAGE"].isprintable()
    assert {key for key in entry if key.startswith("EGRET")} <= keys(journald)
    assert json.loads(entry["EGRET_JSON"])["id"] == hostile().id


def keys(journald: Journald) -> set[str]:
    """All that an ordinary alert has."""
    return set().union(*journald.entries(f"EGRET_INCIDENT={opened().incident.id}"))


def test_what_no_datagram_holds_arrives_whole(journald: Journald) -> None:
    alert = replace(opened(), id="large", incident=replace(opened().incident, reasons=("x" * LARGE,)))
    write(journald, alert)
    [entry] = journald.wait_for(bool, "EGRET_ALERT=large")
    assert text(entry["EGRET_JSON"]).count("x") >= LARGE


def text(value: Any) -> str:
    """A field as journalctl prints it: long ones as a list of bytes."""
    return value if isinstance(value, str) else bytes(value).decode()


def test_a_journal_that_is_away_gets_it_when_it_is_back(journald: Journald) -> None:
    first, second = numbered(2)

    async def run() -> None:
        to = sink(journald)
        await to.send([first])
        journald.stop()
        with pytest.raises(SinkTemporary):
            await to.send([second])
        journald.start()
        await to.send([second])
        await to.close()

    asyncio.run(run())
    for alert in (first, second):
        assert len(journald.wait_for(bool, f"EGRET_ALERT={alert.id}")) == 1


def test_an_alert_about_the_sensor_itself(journald: Journald) -> None:
    async def run() -> None:
        to = sink(journald)
        await to.warn(sensor_alert())
        await to.close()

    asyncio.run(run())
    [entry] = journald.wait_for(bool, "EGRET_PROBLEM=link_down")
    assert (entry["PRIORITY"], entry["EGRET_ACTION"]) == ("3", "raised")
