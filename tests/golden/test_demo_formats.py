"""The shipped capture in the formats that have a validator of somebody else's."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from scripts.make_demo_capture import CAPTURE
from tests.support.ecs import faults

VISITED = 21  # services, each by one client


def replayed(form: str) -> list[str]:
    command = [sys.executable, "-m", "egret", "replay", "-c", str(CAPTURE.with_suffix(".yaml")), "--format", form]
    done = subprocess.run([*command, str(CAPTURE)], capture_output=True, text=True, timeout=60, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == VISITED
    return lines


def test_ecs_by_elastics_own_table() -> None:
    found = {document["message"]: faults(document) for document in map(json.loads, replayed("ecs"))}
    assert {message: wrong for message, wrong in found.items() if wrong} == {}


def test_ocsf_by_its_schema() -> None:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.5.0"))
    validator = jsonschema.Draft202012Validator(schema.get_class_schema(class_name="detection_finding", profiles=[]))
    events: list[dict[str, Any]] = [json.loads(line) for line in replayed("ocsf")]
    assert [error.message for event in events for error in validator.iter_errors(event)] == []
