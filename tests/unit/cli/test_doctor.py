from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from egret.cli import doctor as module
from egret.cli.doctor import doctor
from egret.cli.findings import Finding, Level

app = typer.Typer()
app.command()(doctor)
FINE = Finding("rights", Level.OK, "may open packet sockets")
POOR = Finding("disk", Level.WARN, "1 MB \x1b[31m[red]free", "make room")
BAD = Finding("ring", Level.FAIL, "none", "use --backend portable")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    findings: list[Finding] = [FINE, POOR]
    monkeypatch.setattr(module, "CHECKS", (lambda _: iter(findings),))
    monkeypatch.setattr(module, "default_config_file", lambda: None)
    return findings


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout


def test_warnings_are_no_failure(found: list[Finding]) -> None:
    code, out = run()
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["ok", "ok", "warn", "->"]
    assert "\\x1b[31m[red]free" in out


def test_a_failure_is_one(found: list[Finding]) -> None:
    found.append(BAD)
    assert run()[0] == 1
    code, out = run("--json")
    assert code == 1
    assert json.loads(out)[-1] == {
        "check": "ring",
        "level": "fail",
        "found": "none",
        "remedy": "use --backend portable",
    }


def test_a_broken_configuration_is_a_failure_and_the_rest_is_looked_at(found: list[Finding], tmp_path: Path) -> None:
    path = tmp_path / "egret.yaml"
    path.write_text("nonsense: 1\nmore: 2\n")
    code, out = run("-c", str(path), "--json")
    assert code == 1
    first, *rest = json.loads(out)
    assert first["found"].endswith("egret.yaml:1:1: unknown option 'nonsense'")
    assert first["remedy"] == f"`egret check -c {path}` shows all 2"
    assert len(rest) == 2


def test_a_good_configuration_is_named(found: list[Finding], tmp_path: Path) -> None:
    path = tmp_path / "egret.yaml"
    path.write_text("log: {level: debug}\n")
    assert f"{path} is right" in run("-c", str(path))[1].replace("\n", "")
