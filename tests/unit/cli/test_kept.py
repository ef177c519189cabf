from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import typer

from egret.cli.explain import INCIDENT_ID
from egret.cli.kept import kept_incident
from egret.store.access import AccessLog, Purpose
from egret.store.incidents import IncidentStore
from tests.support.alerts import opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "incidents.db"
    with closing(IncidentStore(found)) as store:
        store.record(alerts=[opened()])
    return found


def test_an_incident_is_found_by_its_id_and_the_look_is_written_down(path: Path) -> None:
    incident = opened().incident
    assert INCIDENT_ID.fullmatch(incident.id)
    assert kept_incident(path, incident.id) == incident
    with closing(IncidentStore(path)) as store:
        [look] = AccessLog(store.database).looks()
    assert (look.what, look.client, look.times) == (Purpose.EXPLAIN, incident.client, 1)
    assert look.who.startswith("user ")
    assert "(uid " in look.who


def test_what_is_not_kept(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stop:
        kept_incident(path, "00000000-0000-5000-8000-000000000000")
    assert stop.value.exit_code == 2
    assert "keeps no incident" in capsys.readouterr().err


def test_no_store_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stop:
        kept_incident(tmp_path / "none.db", opened().incident.id)
    assert stop.value.exit_code == 2
    assert "there is no store" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_shown_where_the_look_cannot_be_written(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(IncidentStore(path)) as store:
        store.database.run(lambda connection: connection.execute("DROP TABLE access"))
    with pytest.raises(typer.Exit) as stop:
        kept_incident(path, opened().incident.id)
    assert stop.value.exit_code == 1
    assert "nothing is shown" in capsys.readouterr().err
