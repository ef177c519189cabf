from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest
import typer
from typer.core import TyperCommand

from egret.cli import explain, match, observe, replay
from egret.cli.commands import load
from egret.cli.main import invoke
from egret.cli.plain_command import PlainCommand

FUNCTIONS: dict[str, Callable[..., None]] = {
    "replay": replay.replay,
    "match": match.match,
    "observe": observe.observe,
    "explain": explain.explain,
}


def typers(name: str) -> TyperCommand:
    """A command as typer alone would make it."""
    app = typer.Typer()
    app.command(name)(FUNCTIONS[name])
    app.callback()(lambda: None)
    command: TyperCommand = typer.main.get_group(app).commands[name]  # type: ignore[assignment]
    return command


@pytest.mark.parametrize(
    "line",
    [
        "replay a.pcap",
        "replay a.pcap b.pcap",
        "replay - --format jsonl",
        "replay --format=ecs a.pcap --detections",
        "replay a.pcap --fail-on high --jobs 2",
        "replay -- -a",
        "replay a.pcap -c /nowhere/egret.yaml",
        "replay a.pcap --evidence /nowhere",
        "replay a.pcap --format x",
        "replay a.pcap --fail-on HIGH",
        "replay a.pcap --jobs",
        "replay",
        "replay --nothing a.pcap",
        "match",
        "match a b",
        "match --catalog /nowhere a",
        "match ü \udcff",
        "observe a --flows --jobs auto",
        "observe --anomalies",
        "explain a --json",
        "explain a --client b",
        "explain a b",
        "explain ''",
    ],
)
def test_the_values_and_the_errors_are_typers(line: str) -> None:
    name, *words = shlex.split(line)
    ours = load(name)
    assert isinstance(ours, PlainCommand)
    assert read(ours, words) == read(typers(name), words)


def read(command: TyperCommand, words: list[str]) -> object:
    """What the function is called with, or why it is not."""
    called: dict[str, Any] = {}
    original, command.callback = command.callback, called.update
    assert original is not None
    try:
        with command.make_context(command.name, list(words)) as context:
            command.invoke(context)
    except typer.exceptions.TyperException as error:
        return type(error), error.format_message()
    return called


def test_help_is_typers(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["match", "--help"]) == 0
    assert "Usage: egret match [OPTIONS] [[NAME|-]...]" in capsys.readouterr().out
