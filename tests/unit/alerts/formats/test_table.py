from __future__ import annotations

import json

import pytest

from egret.alerts.codec import alert_from_dict
from egret.alerts.formats.lines import LINES
from egret.alerts.formats.table import FORMATS, alert_to_own
from egret.alerts.formats.text import several_lines
from egret.alerts.model import Sensor
from egret.value import replace
from tests.support.alerts import check_golden, hostile, opened, whole_life

SENSOR = Sensor("1.2.3", "gw.example")


def test_golden(update_golden: bool) -> None:
    lines = [json.dumps(alert_to_own(alert, SENSOR), indent=1) for alert in whole_life()]
    check_golden("life.own.json", "\n".join(lines) + "\n", update=update_golden)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_is_one_ascii_line(name: str) -> None:
    for alert in [*whole_life(), hostile()]:
        line = json.dumps(FORMATS[name](alert, SENSOR))
        assert line.isascii()
        assert "\n" not in line


def test_our_own_form_is_read_back_and_names_the_sensor() -> None:
    body = FORMATS["jsonl"](opened(), SENSOR)
    assert alert_from_dict(body) == opened()
    assert body["sensor"] == {"version": "1.2.3", "hostname": "gw.example"}


@pytest.mark.parametrize("name", sorted({*LINES} - {"text"}))
def test_every_form_has_the_page_of_the_incident(name: str) -> None:
    alert = opened()
    page = f"https://egret.example/incidents/{alert.incident.id}"
    linked = replace(alert, incident=replace(alert.incident, page=page))
    assert page in LINES[name](linked, SENSOR, None).replace("\\/", "/")
    assert "egret.example" not in LINES[name](alert, SENSOR, None)
    assert f"    page     {page}" in several_lines(linked)
