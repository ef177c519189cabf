from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from egret.cli.main import invoke
from egret.store.access import AccessLog, Purpose
from egret.store.digests import DigestStore
from egret.store.incidents import IncidentStore
from tests.support.alerts import opened
from tests.support.digest import DAY, MADE_NS, digest


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    file = tmp_path / "egret.yaml"
    file.write_text("outputs: {digest: {timezone: Europe/Berlin}}\n")
    with closing(IncidentStore(tmp_path / "incidents.db")) as store:
        store.record(alerts=[opened()])
        DigestStore(store.database).record(DAY, MADE_NS, digest(), ["soc"])
    return file


def run(config: Path, *arguments: str) -> int:
    return invoke(["alerts", *arguments, "-c", str(config)])


def test_a_day_is_shown_and_the_look_written_down(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "digest", "--day", "2026-01-01") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("digest of 2026-01-01 (Europe/Berlin): 1 incident (1 high)")
    assert "    00:00Z 192.0.2.7: Example Chat (Example), high" in shown
    with closing(IncidentStore(config.parent / "incidents.db")) as store:
        assert [look.what for look in AccessLog(store.database).looks()] == [Purpose.ALERTS]


def test_for_programs(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "digest", "--day", "2026-01-01", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["day"], len(document["first_seen"])) == ("egret.digest/1", "2026-01-01", 1)
    assert document["start"].startswith("2025-12-31T23:00:00")


def test_yesterday_is_the_default(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egret.cli.alerts_digest.time.time_ns", lambda: MADE_NS)
    assert run(config, "digest") == 0
    assert capsys.readouterr().out.startswith("digest of 2026-01-01 ")


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "9999-12-31", "0001-01-01"])
def test_what_is_no_day(config: Path, day: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "digest", "--day", day) == 2
    assert "--day" in capsys.readouterr().err


def test_what_was_sent_is_listed_with_the_alerts(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "list", "--waiting") == 0
    assert capsys.readouterr().out.startswith(f"{digest().id}  digest of 2026-01-01 (UTC)")
    assert run(config, "show", digest().id) == 0
    assert "  allowed:" in capsys.readouterr().out
    assert run(config, "list", "--waiting", "--json") == 0
    assert json.loads(capsys.readouterr().out)["alert"]["kind"] == "digest"
