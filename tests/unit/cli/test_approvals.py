from __future__ import annotations

import json
from pathlib import Path

import pytest

from egret.cli.main import invoke

FUTURE, PAST = "2200-01-01", "2020-01-01"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "egret.yaml"


def write(file: Path, *entries: str) -> str:
    file.write_text("approvals:\n  entries:\n" + "".join(f"    - {{{entry}}}\n" for entry in entries))
    return str(file)


def test_list_shows_what_holds(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(
        file,
        "service: alibaba.dingtalk, state: approved, clients: [192.0.2.0/24], owner: IT, ticket: T-1",
        f"class: ai, state: in review, until: {PAST}",
        f"vendor: DeepSeek, state: unapproved, from: {FUTURE}",
    )
    assert invoke(["approvals", "list", "-c", path]) == 0
    text = capsys.readouterr().out
    for word in ("alibaba.dingtalk", "192.0.2.0/24", "T-1", "holds", "class ai", "in review", "ended", "not begun"):
        assert word in text
    assert invoke(["approvals", "list", "--json", "-c", path]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["entry"], first["state"], first["standing"], first["owner"]) == (1, "approved", "holds", "IT")


def test_list_of_nothing_says_so(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("{}")
    assert invoke(["approvals", "list", "-c", str(file)]) == 0
    assert "every service is unreviewed" in capsys.readouterr().out


def test_check_of_what_is_in_order(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(file, f"service: alibaba.dingtalk, state: approved, until: {FUTURE}")
    assert invoke(["approvals", "check", "-c", path]) == 0
    assert capsys.readouterr().out == "1 decisions, all in order\n"


def test_check_finds_what_ended_and_what_ends_soon(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(
        file,
        f"service: alibaba.dingtalk, state: approved, until: {PAST}, owner: IT, ticket: T-1",
        "vendor: DeepSeek, state: tolerated, until: 2035-01-01",
    )
    assert invoke(["approvals", "check", "-c", path, "--within", "3650d"]) == 3
    said = capsys.readouterr().err
    assert f"entry 1, alibaba.dingtalk for everybody: 'approved' by IT, T-1, ended {PAST}; renew it" in said
    assert "entry 2, vendor DeepSeek for everybody: tolerated, until 2035-01-01: ends soon" in said


def test_check_finds_what_matches_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(
        file, "service: alibaba.dingtolk, state: approved", f"vendor: DeepSeek, state: approved, until: {PAST}"
    )
    for command in (["approvals", "check", "-c", path], ["check", "-c", path]):
        assert invoke(command) == 2
        assert f"{path}:3:17: the catalogue has no service 'alibaba.dingtolk' (did you mean 'alibaba.dingtalk'?)" in (
            capsys.readouterr().err
        )


def test_a_bad_span_is_bad_usage(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(file, "class: ai, state: approved")
    assert invoke(["approvals", "check", "-c", path, "--within", "30"]) == 2
    assert "--within: a duration needs a unit" in capsys.readouterr().err
