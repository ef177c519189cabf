from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from egret.errors import StoreError
from egret.model import Severity
from egret.store import outbox
from egret.store.incidents import IncidentStore
from egret.store.outbox import Choice, Place, State
from tests.support.alerts import START_NS, opened, whole_life
from tests.support.stored import unsent

LIFE = whole_life()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[IncidentStore]:
    with closing(IncidentStore(tmp_path / "i.db")) as made:
        made.record(alerts=LIFE, sinks=["soc", "file"])
        made.acknowledge("file", [alert.id for alert in LIFE])
        made.acknowledge("soc", [LIFE[0].id])
        made.bury("soc", [LIFE[1].id], "HTTP 410 " + "x" * 1000)
        yield made


def ids(store: IncidentStore, choice: Choice, limit: int = 100) -> list[str]:
    return [kept.id for kept in outbox.find(store.database, choice, limit)]


def test_alerts_are_found_with_the_outputs_that_do_not_have_them(store: IncidentStore) -> None:
    found = outbox.find(store.database, Choice())
    assert [kept.id for kept in found] == [alert.id for alert in LIFE[::-1]]
    assert found[-1].places == ()
    [place] = found[-2].places
    assert (place.sink, place.state, len(place.detail)) == ("soc", State.DEAD, 500)
    assert found[0].places == (Place("soc", State.WAITING, ""),)


def test_they_are_chosen_by_output_state_time_and_id(store: IncidentStore) -> None:
    assert ids(store, Choice(state=State.DEAD)) == [LIFE[1].id]
    assert ids(store, Choice(sink="file")) == []
    assert ids(store, Choice(sink="soc", state=State.WAITING)) == [LIFE[3].id, LIFE[2].id]
    assert ids(store, Choice(since_ns=START_NS + 80 * 10**9)) == [LIFE[3].id, LIFE[2].id]
    assert ids(store, Choice(ids=(LIFE[0].id,))) == [LIFE[0].id]
    assert len(ids(store, Choice(ids=(LIFE[0].incident.id,)))) == 4
    assert ids(store, Choice(), limit=1) == [LIFE[3].id]
    assert ids(store, Choice(ids=("' OR 1 --",))) == []


def test_dead_letters_wait_again(store: IncidentStore) -> None:
    assert outbox.revive(store.database, Choice(sink="file")) == 0
    assert outbox.revive(store.database, Choice(ids=(LIFE[0].id,))) == 0
    assert outbox.revive(store.database, Choice(sink="soc")) == 1
    assert [alert.id for alert in unsent(store, "soc")] == [alert.id for alert in LIFE[1:]]


def test_what_was_delivered_can_be_queued_again(store: IncidentStore) -> None:
    assert outbox.queue_again(store.database, ["file"], Choice(ids=(LIFE[0].incident.id,))) == 4
    assert unsent(store, "file") == LIFE
    assert outbox.queue_again(store.database, ["soc"], Choice(ids=(LIFE[1].id, LIFE[0].id))) == 2
    assert outbox.counts(store.database) == {("file", State.WAITING): 4, ("soc", State.WAITING): 4}


def test_dead_letters_are_bounded_and_the_oldest_of_the_lowest_severity_go(store: IncidentStore) -> None:
    many = [
        opened(severity, client=bytes([192, 0, 2, 100 + n]))
        for n, severity in enumerate([Severity.HIGH, Severity.LOW] * 5)
    ]
    store.record(alerts=many, sinks=["soc"])
    store.bury("soc", [alert.id for alert in many], "no")
    assert outbox.trim_dead(store.database, 7) == {"soc": 4}
    left = {kept.id for kept in outbox.find(store.database, Choice(state=State.DEAD))}
    assert left == {LIFE[1].id, many[9].id} | {alert.id for alert in many[::2]}
    assert outbox.trim_dead(store.database, 7) == {}


def test_an_outcome_that_the_disk_did_not_take_is_not_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "later.db"
    with closing(IncidentStore(path)) as store:
        path.mkdir()
        with pytest.raises(StoreError):
            store.record(alerts=LIFE, sinks=["soc"])
        with pytest.raises(StoreError):
            store.acknowledge("soc", [LIFE[0].id])
        with pytest.raises(StoreError):
            store.bury("soc", [LIFE[1].id], "HTTP 400")
        path.rmdir()
        store.record()
        assert [alert.id for alert in unsent(store, "soc")] == [LIFE[2].id, LIFE[3].id]
        assert ids(store, Choice(state=State.DEAD)) == [LIFE[1].id]
