from __future__ import annotations

import json

import pytest

from egret.alerts.formats.lines import JSON_LINES, LINES
from egret.alerts.formats.syslog import (
    SD_ID,
    Facility,
    SyslogForm,
    digest_message,
    facility_code,
    message,
    sensor_message,
    smallest,
)
from egret.alerts.model import Sensor
from egret.model import Severity
from egret.value import replace
from tests.support.alerts import check_golden, hostile, numbered, opened, sensor_alert, whole_life
from tests.support.digest import digest, first_use
from tests.support.lines import read_by_jc, read_cef, read_syslog

FORM = SyslogForm(sensor=Sensor("1.2.3", "gw.example"), process="7")


def test_golden(update_golden: bool) -> None:
    lines = [message(alert, FORM).decode() for alert in whole_life()]
    check_golden("life.rfc5424", "".join(f"{line}\n" for line in lines), update=update_golden)


def test_header_structured_data_and_text() -> None:
    head, params, text = read_syslog(message(opened(), FORM))
    assert head == ("131", "2026-01-01T00:00:00.123456Z", "gw.example", "egret", "7", "incident-opened")
    assert f"[{SD_ID} ".encode() in message(opened(), FORM)
    assert (params["client"], params["host"], params["operator"]) == ("192.0.2.7", "chat.example", "CN")
    assert params["communityId"] == opened().incident.community_id
    assert text.startswith("192.0.2.7 connected to Example Chat")


def test_somebody_elses_reader_reads_the_same() -> None:
    for written in (message(alert, FORM) for alert in whole_life()):
        head, params, text = read_syslog(written)
        read = read_by_jc("syslog", written.decode())
        names = ["priority", "timestamp", "hostname", "appname", "proc_id", "msg_id"]
        assert tuple(str(read[name]) for name in names) == head
        assert (read["structured_data"], read["message"]) == ([{"identity": SD_ID, "parameters": params}], text)
    read = read_by_jc("syslog", message(hostile(), FORM).decode())
    assert (read["hostname"], read["msg_id"]) == ("gw.example", "incident-opened")


@pytest.mark.parametrize(("severity", "level"), list(zip(Severity, (6, 5, 4, 3, 2), strict=True)))
def test_priority_is_facility_and_level(severity: Severity, level: int) -> None:
    form = replace(FORM, facility=Facility.AUTHPRIV)
    assert message(numbered(1, severity)[0], form).startswith(f"<{80 + level}>1 ".encode())


def test_facilities() -> None:
    assert [facility_code(facility) for facility in Facility] == [1, 3, 4, 10, *range(16, 24)]


def test_a_host_without_a_name_is_nil() -> None:
    head, _, _ = read_syslog(message(opened(), replace(FORM, sensor=Sensor("1", "ü \n"), process="-")))
    assert (head[2], head[4]) == ("-", "-")


def test_a_text_beyond_ascii_says_that_it_is_utf_8() -> None:
    named = replace(opened(), incident=replace(opened().incident, client_name="büro"))
    _, params, text = read_syslog(message(named, FORM))
    assert text.startswith("\ufeffbüro (192.0.2.7)")
    assert params["clientName"] == "büro"
    assert "\ufeff" not in message(named, replace(FORM, local=True)).decode()


def test_other_formats_are_the_text_and_have_no_structured_data() -> None:
    _, params, text = read_syslog(message(opened(), replace(FORM, form="cef")))
    assert params == {}
    assert read_cef(text)[1]["src"] == "192.0.2.7"


def test_a_local_socket_gets_the_short_form() -> None:
    assert message(opened(), replace(FORM, local=True)).startswith(b"<131>egret[7]: 192.0.2.7 connected to")
    assert message(opened(), replace(FORM, local=True, process="-")).startswith(b"<131>egret: 192")


@pytest.mark.parametrize("form", sorted(LINES))
def test_every_message_fits(form: str) -> None:
    for alert in [*whole_life(), hostile()]:
        for limit in (smallest(form), smallest(form) + 1500):
            data = message(alert, replace(FORM, form=form, limit=limit))
            assert len(data) <= limit
            assert data.decode().isprintable()
            read_syslog(data)


def test_nothing_hostile_gets_through() -> None:
    _, params, text = read_syslog(message(hostile(), FORM))
    assert text.isprintable()
    assert "<script" not in text
    assert all(value.isprintable() for value in params.values())


def test_an_alert_about_the_sensor_is_a_message_too() -> None:
    alert = sensor_alert()
    head, params, text = read_syslog(sensor_message(alert, FORM))
    assert head[5] == f"sensor-{alert.turn.value}"
    assert (params["alert"], params["problem"]) == (alert.id, alert.finding.problem.value)
    assert text.startswith("sensor ")
    assert sensor_message(alert, replace(FORM, local=True)).decode().partition(": ")[2] == text
    _, params, text = read_syslog(sensor_message(alert, replace(FORM, form="cef")))
    assert (params, read_cef(text)[0][0]) == ({}, "CEF:0")


@pytest.mark.parametrize("form", sorted(LINES))
def test_a_long_alert_about_the_sensor_fits(form: str) -> None:
    alert = sensor_alert()
    long = replace(alert, finding=replace(alert.finding, text="\u20ac" * 9000, subject="x" * 300))
    assert len(sensor_message(long, replace(FORM, form=form, limit=480))) <= 480


def test_a_digest_is_a_message_too() -> None:
    head, params, text = read_syslog(digest_message(digest(), FORM))
    assert (head[5], params) == ("digest", {})
    assert text.startswith("digest of 2026-01-01")
    assert digest_message(digest(), replace(FORM, local=True)).decode().partition(": ")[2] == text


@pytest.mark.parametrize("form", sorted(LINES))
def test_a_long_digest_fits(form: str) -> None:
    long = digest(first_uses=(first_use(name="\u20ac" * 200),) * 200, zone="\u20ac" * 99)
    for limit in (smallest(form), 16_384):
        written = digest_message(long, replace(FORM, form=form, limit=limit))
        assert len(written) <= limit
        if form in JSON_LINES:
            json.loads(read_syslog(written)[2])
