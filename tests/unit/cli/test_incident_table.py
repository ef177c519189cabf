from __future__ import annotations

import io

from rich.console import Console

from egret.cli.incident_table import incident_table
from tests.support.alerts import alerts_of, hello, lookup


def shown(*detections: object) -> str:
    stream = io.StringIO()
    alerts = alerts_of(*detections)  # type: ignore[arg-type]  # detections all
    incident_table([alert.incident for alert in alerts[-1:]], Console(file=stream, width=200))
    return stream.getvalue()


def test_a_row_says_who_what_law_and_place() -> None:
    text = shown(hello())
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


def test_a_name_is_never_read_as_markup() -> None:
    assert "[red]x.chat.example" in shown(hello(name="[red]x.chat.example"))


def test_nothing_found_is_said() -> None:
    stream = io.StringIO()
    incident_table([], Console(file=stream))
    assert "Nothing that the catalogue names." in stream.getvalue()
