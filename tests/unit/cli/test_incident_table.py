from __future__ import annotations

import io

import pytest
from rich.console import Console

from egret.cli.incident_table import incident_table
from tests.support.alerts import alerts_of, hello, lookup


def shown(*detections: object, terminal: bool = False) -> str:
    stream = io.StringIO()
    alerts = alerts_of(*detections)  # type: ignore[arg-type]  # detections all
    console = Console(file=stream, width=200, force_terminal=terminal, color_system=None)
    incident_table([alert.incident for alert in alerts[-1:]], console)
    return stream.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_row_says_who_what_law_and_place(*, terminal: bool) -> None:
    text = shown(hello(), terminal=terminal)
    for part in (
        "high",
        "192.0.2.7",
        "Example Chat (Example)",
        "chat.example",
        "CN AS64500 Example Net",
        "look-ups  connections",
    ):
        assert part in text


def test_a_mere_look_up_says_so() -> None:
    assert shown(lookup()).split()[-2:] == ["1", "none"]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_name_is_never_read_as_markup(*, terminal: bool) -> None:
    assert "[red]x.chat.example" in shown(hello(name="[red]x.chat.example"), terminal=terminal)


def test_a_name_steers_no_terminal_and_begins_no_line() -> None:
    lines = shown(hello(name="a\x1b[31m\nhigh b.chat.example")).splitlines()
    assert len(lines) == 2
    assert "\x1b" not in lines[1]


def test_what_is_piped_has_its_columns_one_below_the_other() -> None:
    heading, row = shown(hello()).splitlines()
    assert heading.index("client") == row.index("192.0.2.7")
    assert row[: heading.index("connections") + len("connections")].endswith(" 1")


def test_nothing_found_is_said() -> None:
    stream = io.StringIO()
    incident_table([], Console(file=stream))
    assert "Nothing that the catalogue names." in stream.getvalue()


def test_to_a_pipe_it_is_the_same_without_a_console(capsys: pytest.CaptureFixture[str]) -> None:
    incident = alerts_of(hello(name="ü.example"))[-1].incident
    incident_table([incident])
    incident_table([])
    assert capsys.readouterr().out == shown(hello(name="ü.example")) + "Nothing that the catalogue names.\n"


def test_who_asks_for_colours_gets_the_table_of_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    incident_table([alerts_of(hello())[-1].incident])
    assert "\x1b[" in capsys.readouterr().out
