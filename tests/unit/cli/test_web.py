from __future__ import annotations

import getpass
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from egret.cli.main import invoke
from egret.settings.http_section import HttpToken, HttpUser
from egret.settings.passwords import hash_token, is_password
from egret.settings.positions import parse

PASSWORD = "correct horse battery"


def read(entry: str) -> Any:
    value: Any = parse(entry.encode(), "entry").value
    return value[0]


def given(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_password_becomes_an_entry(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given(monkeypatch, f"{PASSWORD}\n")
    assert invoke(["web", "password", "alice@example.org"]) == 0
    told = capsys.readouterr()
    assert PASSWORD not in told.out + told.err
    entry = HttpUser.model_validate(read(told.out))
    assert entry.name == "alice@example.org"
    assert is_password(PASSWORD, entry.password.reveal())


def test_it_is_asked_twice_at_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter([PASSWORD, PASSWORD, PASSWORD, "another one, mistyped"])
    monkeypatch.setattr(getpass, "getpass", lambda _: next(answers))
    monkeypatch.setattr("egret.cli.web.hash_password", lambda _: "$scrypt$ln=10,r=8,p=3$" + "A" * 22 + "$" + "A" * 43)
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert invoke(["web", "password", "alice", "--access", "metrics"]) == 0
    assert "access: metrics" in capsys.readouterr().out
    assert invoke(["web", "password", "alice"]) == 2
    assert "two passwords" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "words"), [("alice", "short\n", "12 to 256"), ("a b", PASSWORD, "a name has")]
)
def test_what_is_refused(
    name: str, text: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, text)
    monkeypatch.setattr("egret.cli.web.hash_password", lambda _: "$scrypt$ln=10,r=8,p=3$" + "A" * 22 + "$" + "A" * 43)
    assert invoke(["web", "password", name]) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert (told.out, text.strip() in told.err) == ("", False)


def test_a_token_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["web", "token", "prometheus"]) == 0
    token, entry = capsys.readouterr().out.splitlines()
    assert HttpToken.model_validate(read(entry)).token.reveal() == hash_token(token)
    assert invoke(["web", "token", "a b"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", ["check", "run"])
def test_beyond_loopback_nothing_starts_without_a_login_and_tls(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "egret.yaml"
    config.write_text('http: {listen: "0.0.0.0:9477", allow_remote: true}\n')
    assert invoke([command, "-c", str(config)]) == 2
    told = capsys.readouterr().err
    assert "egret.yaml:1:7: " in told
    assert "needs a login (http.users; `egret web password` makes one) and encryption (http.tls" in told
