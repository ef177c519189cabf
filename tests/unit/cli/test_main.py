from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from egret import __version__
from egret.cli.commands import COMMANDS
from egret.cli.main import invoke, main


def test_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--version"]) == 0
    assert capsys.readouterr().out in {f"egret {__version__} (gate: {gate})\n" for gate in ("compiled", "Python")}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([command, "--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["match", "--nonsense"], ["replay"], ["replay", "x", "--format", "pdf"]]
)
def test_bad_usage_is_2_without_a_traceback(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_bad_config_is_2_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "gw.yml"
    config.write_text("alerts:\n  updaet_every: 1h\n")
    assert invoke(["check", "-c", str(config)]) == 2
    assert ":2:3: unknown option 'updaet_every'" in capsys.readouterr().err


def test_a_bug_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError("x")

    monkeypatch.setattr("egret.cli.replaying.load_rules", bug)
    assert invoke(["replay", "x.pcap"]) == 1
    captured = capsys.readouterr().err
    assert captured.startswith("egret: internal error: ZeroDivisionError")
    assert "Traceback" not in captured


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_fine(repository: Path) -> None:
    capture = repository / "src/egret/data/demo/egret-demo.pcapng"
    command = f"{sys.executable} -m egret observe {capture} | head -n 1"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("match qwen.ai > /dev/full", "no space left"),
        ("--version > /dev/full", "no space left"),
        ("match qwen.ai >&-", "standard output is closed"),
    ],
)
def test_an_output_that_takes_nothing_is_no_bug(command: str, said: str) -> None:
    command = f"{sys.executable} -m egret {command}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr


def test_without_a_command_it_explains_itself_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([]) == 2
    captured = capsys.readouterr()
    assert "Commands" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    ("line", "rested", "left"),
    [("match qwen.ai", True, 0), ("observe nowhere.pcap", True, None), ("--version", False, None), ("", False, None)],
)
def test_who_only_reads_rests_and_leaves_at_once(
    line: str, rested: bool, left: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[bool] = []
    codes: list[int] = []
    monkeypatch.setattr("egret.cli.main.rest", lambda: rests.append(True))
    monkeypatch.setattr("os._exit", codes.append)
    monkeypatch.setattr(sys, "argv", ["egret", *line.split()])
    with pytest.raises(SystemExit):  # what leaves at once comes here too: it does not leave
        main()
    assert (bool(rests), codes) == (rested, [] if left is None else [left])
