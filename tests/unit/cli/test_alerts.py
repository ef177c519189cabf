from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from egret.cli import alerts
from egret.cli.main import invoke
from egret.store.access import AccessLog
from egret.store.incidents import IncidentStore
from tests.support.alerts import HOSTILE, whole_life
from tests.support.stored import unsent

LIFE = whole_life()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    file = tmp_path / "egret.yaml"
    file.write_text("{}\n")
    with closing(IncidentStore(tmp_path / "incidents.db")) as store:
        store.record(alerts=LIFE, sinks=["soc"])
        store.acknowledge("soc", [LIFE[0].id])
        store.bury("soc", [LIFE[1].id], f"HTTP 410 {HOSTILE}")
    return file


def run(config: Path, *arguments: str) -> int:
    return invoke(["alerts", *arguments, "-c", str(config)])


def test_alerts_are_listed_with_those_who_lack_them(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [alert.id for alert in LIFE[::-1]]
    assert lines[0].endswith("[soc: waiting]")
    assert "[soc: dead (HTTP 410 a" in lines[2]
    assert lines[2].isprintable()
    assert "soc" not in lines[3]


def test_dead_letters_are_listed_for_programs(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "list", "--dead", "--sink", "soc", "--json") == 0
    [line] = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["id"], found["alert"]["action"]) == (LIFE[1].id, "escalated")
    assert [(each["output"], each["state"]) for each in found["undelivered"]] == [("soc", "dead")]
    assert run(config, "list", "--waiting", "--limit", "1") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_old_ones_are_left_out(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "list", "--since", "1h") == 0
    assert capsys.readouterr().out == ""
    assert run(config, "list", "--since", "yesterday") == 2
    assert run(config, "list", "--dead", "--waiting") == 2


def test_an_incident_is_shown_alert_by_alert_and_the_look_is_written_down(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "show", LIFE[0].incident.id) == 0
    text = capsys.readouterr().out
    assert [line for line in text.splitlines() if not line.startswith(" ")][::2] == [alert.id for alert in LIFE]
    assert run(config, "show", LIFE[0].id, "--json") == 0
    assert json.loads(capsys.readouterr().out)["undelivered"] == []
    assert run(config, "show", "nothing") == 2
    with closing(IncidentStore(config.parent / "incidents.db")) as store:
        [look] = AccessLog(store.database).looks()
    assert (look.what, look.times) == ("alerts", 3)


def test_dead_letters_are_put_back(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "resend", "--dead") == 0
    assert capsys.readouterr().out == "1 deliveries put back; no daemon runs here: they go at its next start\n"
    assert run(config, "resend", "--dead") == 0
    assert capsys.readouterr().out == "0 deliveries put back\n"
    with closing(IncidentStore(config.parent / "incidents.db")) as store:
        assert len(unsent(store, "soc")) == 3


def test_what_was_delivered_can_be_sent_again_if_it_is_said_where_to(config: Path) -> None:
    assert run(config, "resend", LIFE[0].id) == 2
    assert run(config, "resend", "--sink", "soc") == 2
    assert run(config, "resend", LIFE[0].id, "--sink", "soc") == 0
    with closing(IncidentStore(config.parent / "incidents.db")) as store:
        assert LIFE[0].id in {alert.id for alert in unsent(store, "soc")}


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [({"offered": 1}, 0, "1 offered now"), ({"error": "only root"}, 1, ""), (OSError("refused"), 1, "")],
)
def test_a_running_daemon_is_told(
    config: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: object,
    code: int,
    said: str,
) -> None:
    def ask(_path: Path, do: str, _client: str) -> object:
        assert do == "resend"
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(alerts, "ask", ask)
    assert run(config, "resend", "--dead") == code
    assert said in capsys.readouterr().out


def test_without_a_store_or_with_a_broken_one_it_says_so(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "incidents.db").unlink()
    assert run(config, "list") == 2
    (config.parent / "incidents.db").mkdir()
    assert run(config, "list") == 1
    assert "incidents.db" in capsys.readouterr().err


def test_what_another_version_wrote_is_named_and_not_shown(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(IncidentStore(config.parent / "incidents.db")) as store:
        store.database.run(lambda connection: connection.execute("UPDATE alerts SET body = '{}'"))
    assert run(config, "list") == 0
    assert run(config, "show", LIFE[0].id) == 0
    assert capsys.readouterr().out.count("unreadable") == 5
    assert run(config, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["alert"] is None
