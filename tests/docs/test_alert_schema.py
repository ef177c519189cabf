"""The published schema of our own alert form fits every alert that we write, and refuses what is none."""

from __future__ import annotations

import functools
import json
from copy import deepcopy
from typing import Any

import jsonschema
import pytest

from egret.alerts.formats.lines import SMALLEST_JSON, json_line
from egret.alerts.formats.table import alert_to_own
from egret.alerts.model import SCHEMA_VERSION, Alert, Sensor
from tests.support.alerts import GOLDEN, hostile, opened, whole_life
from tests.support.documents import ROOT

SCHEMA = json.loads((ROOT / "docs/alert.schema.json").read_text(encoding="utf-8"))
SENSOR = Sensor("1.2.3", "gw.example")


def golden() -> list[dict[str, Any]]:
    decoder, text, documents = json.JSONDecoder(), (GOLDEN / "life.own.json").read_text(encoding="utf-8"), []
    while text.strip():
        document, end = decoder.raw_decode(text)
        documents.append(document)
        text = text[end:].lstrip()
    return documents


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def test_every_golden_alert_is_valid() -> None:
    assert len(golden()) == 4
    for document in golden():
        validator().validate(document)


@pytest.mark.parametrize("alert", [*whole_life(), hostile()], ids=lambda alert: alert.action.value)
def test_every_alert_is_valid_cut_or_whole(alert: Alert) -> None:
    validator().validate(alert_to_own(alert, SENSOR))
    validator().validate(alert_to_own(alert, Sensor("1")))
    validator().validate(json.loads(json_line("jsonl", alert, SENSOR, SMALLEST_JSON)))


def test_every_field_is_described() -> None:
    document = alert_to_own(opened(), SENSOR)
    assert set(document) <= set(SCHEMA["properties"])
    assert set(document["incident"]) == set(SCHEMA["$defs"]["Incident"]["properties"])
    assert SCHEMA["$id"].endswith(f":{SCHEMA_VERSION}")


def test_fields_may_be_added_but_not_dropped_or_changed() -> None:
    document = alert_to_own(opened(), SENSOR)
    validator().validate({**document, "later": 1, "incident": {**document["incident"], "later": 1}})
    for name in document:
        with pytest.raises(jsonschema.ValidationError):
            validator().validate({key: value for key, value in document.items() if key != name})
    for name in document["incident"]:
        lacking = deepcopy(document)
        del lacking["incident"][name]
        with pytest.raises(jsonschema.ValidationError):
            validator().validate(lacking)
    for change in ({"schema": "egret.alert/2"}, {"action": "exploded"}, {"severity": "bad"}, {"time": "today"}):
        with pytest.raises(jsonschema.ValidationError):
            validator().validate(document | change)
