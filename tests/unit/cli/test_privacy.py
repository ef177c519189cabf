from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from egret.cli import privacy
from egret.cli.main import invoke
from egret.settings.config import load_config
from egret.store.access import AccessLog, Look
from egret.store.incidents import IncidentStore
from egret.value import replace
from tests.support.alerts import opened

SECRET = "0123456789abcdef" * 2


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    (tmp_path / "key").write_text(SECRET)
    file = tmp_path / "egret.yaml"
    file.write_text("privacy: {pseudonyms: true, key: 'file:key'}\n".replace("file:key", f"file:{tmp_path}/key"))
    veil = load_config(file).privacy.veil()
    with closing(IncidentStore(tmp_path / "incidents.db")) as store:
        alerts = [opened(client=bytes([192, 0, 2, number])) for number in (7, 8)]
        store.record(alerts=[replace(alert, incident=veil.hide(alert.incident)) for alert in alerts], sinks=["soc"])
    return file


def pseudonym(config: Path) -> str:
    return load_config(config).privacy.veil().address("192.0.2.7")


def looks(config: Path) -> list[Look]:
    with closing(IncidentStore(config.parent / "incidents.db")) as store:
        return AccessLog(store.database).looks()


def test_a_pseudonym_is_revealed_and_it_is_written_down(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["privacy", "reveal", pseudonym(config), "-c", str(config)]) == 0
    assert capsys.readouterr().out == "192.0.2.7\n"
    [look] = looks(config)
    assert (look.what, look.client) == ("reveal", pseudonym(config))
    assert look.who.startswith("user ")


def test_a_key_can_be_given(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRET_KEY", "x" * 32)
    hidden = pseudonym(config)
    assert invoke(["privacy", "reveal", hidden, "-c", str(config), "--key", "env:EGRET_KEY"]) == 2
    assert "no pseudonym that this key made" in capsys.readouterr().err
    assert looks(config) == []
    assert invoke(["privacy", "reveal", hidden, "-c", str(config), "--key", f"file:{config.parent}/key"]) == 0
    assert invoke(["privacy", "reveal", hidden, "-c", str(config), "--key", SECRET]) == 2
    assert SECRET not in capsys.readouterr().err


def test_without_a_key_nothing_can_be_revealed(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = pseudonym(config)
    config.write_text("{}")
    assert invoke(["privacy", "reveal", hidden, "-c", str(config)]) == 2
    assert "there is no key" in capsys.readouterr().err


def test_what_cannot_be_written_down_is_not_revealed(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = pseudonym(config)
    (config.parent / "incidents.db").unlink()
    assert invoke(["privacy", "reveal", hidden, "-c", str(config)]) == 2
    (config.parent / "incidents.db").mkdir()
    assert invoke(["privacy", "reveal", hidden, "-c", str(config)]) == 1
    assert capsys.readouterr().out == ""


def test_a_client_is_forgotten_where_no_daemon_runs(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = pseudonym(config)
    (config.parent / "incidents.db.1.corrupt").write_bytes(b"")
    assert invoke(["privacy", "purge", "192.0.2.7", "--json", "-c", str(config)]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "incidents": 1,
        "alerts": 1,
        "learnt": 0,
        "looks": 0,
        "digests": 0,
        "evidence": 0,
    }
    assert invoke(["privacy", "purge", hidden, "-c", str(config)]) == 0
    captured = capsys.readouterr()
    assert "0  incidents" in captured.out
    assert "kept aside and may name the client" in captured.err
    data = b"".join(path.read_bytes() for path in config.parent.glob("incidents.db*"))
    assert hidden.encode() not in data
    assert [(look.what, look.client, look.times) for look in looks(config)] == [("purge", "(purged)", 2)]


def test_a_running_daemon_is_asked(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def ask(*arguments: object) -> dict[str, object]:
        asked.append(arguments)
        return {"incidents": 3, "open_incidents": 1}

    monkeypatch.setattr(privacy, "ask", ask)
    assert invoke(["privacy", "purge", "192.0.2.7", "-c", str(config)]) == 0
    assert asked == [(config.parent / "control.sock", "purge", "192.0.2.7")]
    assert capsys.readouterr().out.split() == ["3", "incidents", "1", "open", "incidents"]


def test_a_daemon_that_refuses_or_cannot_be_asked_is_a_failure(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> dict[str, object]:
        return {"error": "only root"}

    def locked(*_: object) -> dict[str, object]:
        raise PermissionError(13, "Permission denied")

    for answer, said in ((refuse, "only root"), (locked, "run this as root or as its user")):
        monkeypatch.setattr(privacy, "ask", answer)
        assert invoke(["privacy", "purge", "192.0.2.7", "-c", str(config)]) == 1
        assert said in capsys.readouterr().err


def test_nobody_cannot_be_forgotten(config: Path) -> None:
    assert invoke(["privacy", "purge", " ", "-c", str(config)]) == 2


def test_the_log_says_who_looked(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = pseudonym(config)
    for _ in range(2):
        invoke(["privacy", "reveal", hidden, "-c", str(config)])
    capsys.readouterr()
    assert invoke(["privacy", "log", "--client", "192.0.2.7", "-c", str(config)]) == 0
    line = capsys.readouterr().out
    assert "reveal" in line
    assert hidden in line
    assert "(2 times)" in line
    assert invoke(["privacy", "log", "--json", "-c", str(config)]) == 0
    assert json.loads(capsys.readouterr().out)["times"] == 2
    assert invoke(["privacy", "log", "--client", "192.0.2.8", "-c", str(config)]) == 0
    assert capsys.readouterr().out == ""
