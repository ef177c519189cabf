from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from egret.cli import matching, observing, replaying
from egret.cli.app import run_line
from egret.cli.plain import ONLY_READ, plain_call

WORK = {(matching, "match_names"), (observing, "observe_files"), (replaying, "replay_files")}
PLAIN = [
    "match",
    "match -",
    "match qwen.ai ü \udcff",
    "observe a.pcap",
    "observe - a.pcap",
    "observe --jobs 2 a.pcap",
    "replay a.pcap b.pcap",
    "replay --jobs 1 a.pcap",
    "replay a=b",
]
NOT_PLAIN = [
    "",
    "--help",
    "--version",
    "run",
    "explain qwen.ai",
    "observe",
    "replay",
    "replay --jobs 0 a.pcap",
    "replay --jobs auto a.pcap",
    "replay --jobs ٣ a.pcap",
    "replay --jobs 1",
    "replay --jobs=1 a.pcap",
    "replay a.pcap --jobs 1",
    "replay -- a.pcap",
    "replay --help",
    "replay a.pcap -c x",
    "match --jobs 1",
    "match -x",
]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the functions that do the work are called with, defaults included."""
    called: list[object] = []

    def noted(name: str, signature: inspect.Signature) -> Callable[..., int]:
        def call(*words: Any, **options: Any) -> int:
            bound = signature.bind(*words, **options)
            bound.apply_defaults()
            called.append((name, {key: value or None for key, value in bound.arguments.items()}))
            return 0

        return call

    for module, name in WORK:
        monkeypatch.setattr(module, name, noted(name, inspect.signature(getattr(module, name))))
    return called


@pytest.mark.parametrize("line", PLAIN)
def test_it_is_called_as_typer_would(line: str, calls: list[object]) -> None:
    call = plain_call(line.split())
    assert call is not None
    assert call() == run_line(line.split()) == 0
    assert len(calls) == 2
    assert calls[0] == calls[1]


@pytest.mark.parametrize("line", NOT_PLAIN)
def test_everything_else_is_typers(line: str) -> None:
    assert plain_call(line.split()) is None


def test_all_of_it_leaves_nothing_behind() -> None:
    assert {"match", "observe", "replay"} == ONLY_READ
