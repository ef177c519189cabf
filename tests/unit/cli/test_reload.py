from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from egret.cli import reload
from egret.cli.main import invoke


def answered(monkeypatch: pytest.MonkeyPatch, folder: Path, answer: Mapping[str, Any] | Exception | None) -> int:
    def ask(path: Path, do: str, client: str, timeout_s: float) -> Mapping[str, Any] | None:
        assert (path, do, client) == (folder / "control.sock", "reload", "")
        assert timeout_s > 60
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setenv("STATE_DIRECTORY", str(folder))
    monkeypatch.setattr(reload, "ask", ask)
    return invoke(["reload"])


def test_it_says_that_it_was_taken_and_what_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answered(monkeypatch, tmp_path, {"applied": True, "why": "", "needs_restart": []}) == 0
    assert capsys.readouterr().out == "reloaded\n"
    assert answered(monkeypatch, tmp_path, {"applied": True, "needs_restart": ["capture.workers"]}) == 0
    assert "at the next start only: capture.workers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ({"applied": False, "why": "egret.yaml:3:1: no\x1b[31m"}, 2, "egret.yaml:3:1: no\\x1b[31m"),
        ({"error": "only root and the service's own user may ask"}, 1, "only root"),
        (None, 1, "no daemon listens"),
        (PermissionError(13, "Permission denied"), 1, "run it as root"),
        (ValueError("no answer"), 1, "the daemon ended before it answered"),
    ],
)
def test_what_goes_wrong_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: Mapping[str, Any] | Exception | None,
    code: int,
    says: str,
) -> None:
    assert answered(monkeypatch, tmp_path, answer) == code
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""
