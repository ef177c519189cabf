"""The shipped capture in the formats that have a validator of somebody else's."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from scripts.make_demo_capture import CAPTURE
from tests.support.ecs import faults
from tests.support.ocsf import validator

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
    finding = validator("detection_finding")
    events: list[dict[str, Any]] = [json.loads(line) for line in replayed("ocsf")]
    assert [error.message for event in events for error in finding.iter_errors(event)] == []
