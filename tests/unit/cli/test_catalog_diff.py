from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from egret.cli.catalog import app
from tests.support.catalog import write

CHAT = """\
  - id: example.chat
    service: Chat
    category: chat
    class: ai
    hosts:
      - {suffix: x.example, source: seen}
"""


@pytest.fixture
def both(tmp_path: Path) -> tuple[str, str]:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "_shared.yaml").write_text("")
    write(old, CHAT)
    write(
        new, CHAT.replace("class: ai", "class: broad") + CHAT.replace("example.chat", "example.new").replace("x.", "y.")
    )
    return str(old), str(new)


def run(*arguments: str, text: str | None = None) -> Result:
    result = CliRunner().invoke(app, ["diff", *arguments], input=text)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_people_see_signatures_and_names(both: tuple[str, str]) -> None:
    result = run(*both, "--names", "-", text="https://www.x.example/\nnothing at all\n")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "~ example.chat",
        "    class: ai -> broad",
        "+ example.new (chat, ai, CN)",
        "    + suffix y.example",
        "names:",
        "    www.x.example: example.chat (ai, high, CN) -> example.chat (broad, info, CN)",
        "    x.example: example.chat (ai, high, CN) -> example.chat (broad, info, CN)",
        "    y.example: nothing -> example.new (ai, high, CN)",
    ]
    assert "2 signatures and 3 names differ" in result.stderr


def test_programs_get_an_object(both: tuple[str, str]) -> None:
    whole = json.loads(run(*both, "--json").stdout)
    assert whole["signatures"][0]["facts"] == {"class": {"old": "ai", "new": "broad"}}
    assert whole["names"][1]["old"] is None
    assert whole["names"][1]["new"]["jurisdiction"] == {"country": "CN", "contested": False}


def test_the_exit_code_tells_only_when_asked(both: tuple[str, str]) -> None:
    assert run(*both, "--exit-code").exit_code == 1
    assert run(both[0], both[0], "--exit-code").exit_code == 0
    assert run(*reversed(both)).stdout.splitlines()[2:4] == ["- example.new (chat, ai, CN)", "    - suffix y.example"]
