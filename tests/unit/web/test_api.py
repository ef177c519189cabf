from __future__ import annotations

import json
from pathlib import Path

import pytest

from egret.alerts.selection import EVERYTHING, Selection
from egret.alerts.sensor import Problem
from egret.model import ServiceClass, Severity
from egret.telemetry.coverage import Interval, Length
from egret.web import api
from egret.web.api import (
    BadQuery,
    coverage_json,
    incidents_json,
    read_length,
    read_number,
    read_selection,
    read_state,
    status_json,
    story_json,
)
from egret.web.status import IncidentPage, IncidentState, Story
from tests.support.webview import View, incidents, told


def test_the_status_holds_nothing_raw() -> None:
    body = status_json(View())
    assert "\\u001b" not in json.dumps(body)
    assert body["outputs"][1]["last_error"].startswith("HTTP 503 <script>")
    assert body["coverage"]["named_by"]["nothing"] == 133
    assert body["geoip"][0]["built"].endswith("Z")


def test_pages() -> None:
    page = IncidentPage(incidents=incidents()[:2], total=3)
    assert incidents_json(page, 0)["next_offset"] == 2
    assert incidents_json(page, 1)["next_offset"] is None
    assert incidents_json(IncidentPage(incidents=[], total=3), 9)["next_offset"] is None


def test_numbers() -> None:
    assert read_number(None, "limit", 7, 10) == 7
    assert read_number("10", "limit", 7, 10) == 10
    for bad in ("", "11", "-1", "1.0", "٣", "9" * 40):
        with pytest.raises(BadQuery, match="limit must be a whole number from 0 to 10"):
            read_number(bad, "limit", 7, 10)


def test_states() -> None:
    assert read_state(None) is IncidentState.OPEN
    assert read_state("all") is IncidentState.ALL
    with pytest.raises(BadQuery, match="open, closed, all"):
        read_state("x")


def test_lengths_of_intervals() -> None:
    assert [read_length(text) for text in (None, "hour", "minute")] == [Length.HOUR, Length.HOUR, Length.MINUTE]
    with pytest.raises(BadQuery, match="minute, hour"):
        read_length("day")


def test_an_interval_without_connections_has_no_share() -> None:
    (row,) = coverage_json([Interval(start_s=60, seconds=5)], Length.MINUTE)["intervals"]
    assert (row["start"], row["watched_seconds"], row["named_share"]) == ("1970-01-01T00:01:00.000000000Z", 5, None)
    assert row["named_by"] == row["link_down_s"] == {}


def test_what_is_amiss_with_the_sensor_is_said_and_every_problem_is_described() -> None:
    [problem] = status_json(View())["problems"]
    assert (problem["problem"], problem["severity"], problem["advice"]) == ("output_failing", "high", "they wait")
    assert "\x1b" not in problem["text"] + problem["subject"]
    described = json.loads(Path(api.__file__).with_name("openapi.json").read_text(encoding="utf-8"))
    [status] = [
        each for each in described["components"]["schemas"].values() if "problems" in each.get("properties", {})
    ]
    enum = status["properties"]["problems"]["items"]["properties"]["problem"]["enum"]
    assert set(enum) == {each.value for each in Problem}


def test_which_incidents_are_wanted() -> None:
    wanted = read_selection(
        {"severity": "high", "class": "ai", "vendor": "V", "group": "G", "client": " 192.0.2.1 ", "q": " a  b "}
    )
    assert wanted == Selection(Severity.HIGH, ServiceClass.AI, "V", "G", "192.0.2.1", ("a", "b"))
    assert read_selection({"severity": "", "q": "", "client": ""}) == EVERYTHING
    for bad in ({"severity": "x"}, {"class": "x"}, {"vendor": "v" * 201}, {"q": "a " * 9}, {"client": "x"}):
        with pytest.raises(BadQuery):
            read_selection(bad)


def test_a_story_holds_nothing_raw() -> None:
    first = incidents()[0]
    body = story_json(Story(incident=first, told=told(first)))
    assert [(each["action"], each["previous_severity"]) for each in body["alerts"]] == [
        ("opened", None),
        ("escalated", "low"),
    ]
    assert body["alerts"][1]["outputs"][1]["state"] == "dead"
    assert "\x1b" not in body["alerts"][1]["outputs"][1]["detail"]
    assert body["evidence"] is None
