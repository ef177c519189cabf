from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from egret.cli.catalog import app
from egret.cli.catalog_export import known_vendors, replace
from egret.errors import ConfigError


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["export", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_what_is_asked_for_comes_out() -> None:
    result = run("--format", "json", "--class", "ai", "--vendor", "deepseek", "--min-severity", "high")
    hosts = json.loads(result.stdout)["hosts"]
    assert {host["vendor"] for host in hosts} == {"DeepSeek"}
    assert "host patterns of" in result.stderr


def test_what_the_format_cannot_say_is_said(tmp_path: Path) -> None:
    file = tmp_path / "zone"
    result = run("--format", "rpz", "--vendor", "Alibaba", "--output", str(file))
    assert result.stdout == ""
    assert "rpz cannot say: what else pattern aiworkspace.*.aliyuncs.com covers" in result.stderr
    assert "more" in result.stderr
    assert file.read_text().startswith("; Egret catalogue")


def test_mistakes_are_said() -> None:
    with pytest.raises(ConfigError, match="did you mean 'DeepSeek'"):
        known_vendors(["DeepSek"], ["DeepSeek", "Baidu"])
    with pytest.raises(ConfigError, match="No such file"):
        replace(Path("/nonexistent/file"), "x")


def test_a_configuration_decides_what_is_recognised(tmp_path: Path) -> None:
    file = tmp_path / "egret.yaml"
    file.write_text("catalog: {disabled: [deepseek.chat]}\n")
    found = run("--format", "csv", "--vendor", "DeepSeek", "-c", str(file)).stdout
    assert "deepseek." in found
    assert "deepseek.chat" not in found
    with pytest.raises(ConfigError, match="both folders and a configuration"):
        run("--format", "csv", "-c", str(file), str(tmp_path))


def test_an_export_can_be_of_what_was_decided_for_everybody(tmp_path: Path) -> None:
    file = tmp_path / "egret.yaml"
    file.write_text(
        "approvals:\n  entries:\n    - {vendor: DeepSeek, state: unapproved}\n"
        "    - {class: ai, state: approved}\n    - {vendor: Baidu, state: unapproved, clients: [192.0.2.7]}\n"
    )
    result = run("--format", "json", "--class", "ai", "--approval", "unapproved", "-c", str(file))
    assert {host["vendor"] for host in json.loads(result.stdout)["hosts"]} == {"DeepSeek"}
    assert "1 decisions are for some clients only" in result.stderr
    assert "approval unapproved" in result.stdout
    result = run("--format", "json", "--class", "embedded", "--approval", "approved", "-c", str(file))
    assert json.loads(result.stdout)["hosts"] == []
