from __future__ import annotations

import pytest
import typer

from egret.cli.app import run_line


@pytest.mark.parametrize(("line", "code"), [("--help", 0), ("", 2), ("nonsense", 2), ("match --nonsense", 2)])
def test_what_the_line_says(line: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_line(line.split()) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_command_says_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_line(["observe", "--flows", "nowhere.pcap"]) == 2
    assert "nowhere.pcap" in capsys.readouterr().err


def test_a_question_that_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    def aborted(*_: object, **__: object) -> None:
        raise typer.Abort

    monkeypatch.setattr("egret.cli.matching.match_names", aborted)
    with pytest.raises(KeyboardInterrupt):
        run_line(["match", "x"])
