from __future__ import annotations

import json

import pytest

from egret.alerts.formats.lines import JSON_LINES, LINES, SMALLEST_JSON, text_line
from egret.alerts.model import Alert, Sensor
from egret.value import replace
from tests.support.alerts import HOSTILE, hostile, opened, whole_life

SENSOR = Sensor("1.2.3", "gw.example")


def huge() -> Alert:
    """All lists full, all texts long and hostile."""
    incident = hostile().incident
    long = HOSTILE.replace("\ud800", "\u20ac") * 8
    servers = tuple(replace(incident.servers[0], ip=f"203.0.113.{n}", host=long) for n in range(16))
    many = tuple(f"{long}{n}" for n in range(32))
    full = replace(incident, servers=servers, hosts=many, reasons=many, alternatives=many, references=many)
    return replace(hostile(), incident=replace(full, client_addresses=many, interfaces=many[:8], resolvers=many[:4]))


@pytest.mark.parametrize("name", sorted(LINES))
def test_one_line_whatever_is_in_it(name: str) -> None:
    for alert in [*whole_life(), hostile(), huge()]:
        line = LINES[name](alert, SENSOR, None)
        assert line
        assert len(line.splitlines()) == 1


@pytest.mark.parametrize("name", sorted(LINES))
def test_every_format_fits_where_it_must(name: str) -> None:
    limit = SMALLEST_JSON if name in JSON_LINES else 300
    for alert in [*whole_life(), hostile(), huge()]:
        line = LINES[name](alert, SENSOR, limit)
        assert len(line.encode()) <= limit
        if name in JSON_LINES:
            json.loads(line)


@pytest.mark.parametrize(("name", "where"), [("ecs", "egret"), ("eve", "egret"), ("ocsf", "unmapped"), ("jsonl", "")])
def test_a_cut_document_says_so(name: str, where: str) -> None:
    for alert, expected in [(huge(), True), (opened(), None)]:
        document = json.loads(LINES[name](alert, SENSOR, SMALLEST_JSON))
        assert (document[where] if where else document).get("truncated") is expected


def test_the_text_is_cut() -> None:
    assert text_line(opened(), SENSOR, 9) == "192.0.2.7"
