from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from egret.cli.replaying import Format, replay_files
from egret.model import Severity

DEMO = "src/egret/data/demo/egret-demo.pcapng"


def test_incidents_for_programs(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay_files([str(repository / DEMO)], output=Format.JSONL) == 0
    incidents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert incidents
    assert all("incident" in each for each in incidents)


def test_what_is_severe_has_a_code_of_its_own(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay_files([str(repository / DEMO)], fail_on=Severity.LOW) == 3
    assert "incidents;" in capsys.readouterr().out


def test_a_format_without_single_detections() -> None:
    with pytest.raises(typer.BadParameter, match="CEF has no form for single detections"):
        replay_files(["x"], output=Format.CEF, detections=True)
