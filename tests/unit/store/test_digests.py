from __future__ import annotations

from pathlib import Path

import pytest

from egret.alerts.messages import message_to_json
from egret.alerts.model import Alert
from egret.model import Severity
from egret.store import digests as module
from egret.store.digests import DigestStore
from egret.store.incidents import IncidentStore
from egret.store.outbox import Choice, State, find
from egret.value import replace
from tests.support.alerts import opened
from tests.support.digest import DAY, END_NS, MADE_NS, START_NS, digest
from tests.support.stored import unsent

HOUR = 3600
MIDNIGHT_S = START_NS // 1_000_000_000


@pytest.fixture
def incidents(tmp_path: Path) -> IncidentStore:
    return IncidentStore(tmp_path / "i.db")


@pytest.fixture
def store(incidents: IncidentStore) -> DigestStore:
    return DigestStore(incidents.database)


def began(at_ns: int, client: int = 7, key: str = "", signature: str = "example.chat") -> Alert:
    alert = opened(Severity.HIGH, client=bytes([192, 0, 2, client]))
    identity = f"{at_ns}-{client}-{signature}"
    incident = replace(alert.incident, id=identity, first_ns=at_ns, last_ns=at_ns + 60, signature=signature)
    if key:
        incident = replace(incident, client_key=key)
    return replace(alert, id=f"{identity}-1", incident=incident)


def test_counts_add_up_by_hour_and_only_those_of_the_day_are_summed(store: DigestStore) -> None:
    store.add({MIDNIGHT_S: {"a": {"x": 1}}, MIDNIGHT_S - HOUR: {"a": {"x": 100}}})
    store.add({MIDNIGHT_S: {"a": {"x": 2, "y": 1}, "b": {"z": 5}}, MIDNIGHT_S + 24 * HOUR: {"a": {"x": 100}}})
    assert store.add({MIDNIGHT_S + 23 * HOUR: {"a": {"x": 4}}})
    assert store.counts(START_NS, END_NS) == {"a": {"x": 7, "y": 1}, "b": {"z": 5}}


def test_counts_that_cannot_be_read_are_none(store: DigestStore, incidents: IncidentStore) -> None:
    rows = [(MIDNIGHT_S + n * HOUR, body) for n, body in enumerate(("", "[]", '{"a": 1}', '{"a": {"b": "c"}}'))]
    incidents.database.run(lambda connection: connection.executemany("INSERT INTO tallies VALUES (?, ?)", rows))
    store.add({MIDNIGHT_S: {"a": {"x": 1}}})
    assert store.counts(START_NS, END_NS) == {"a": {"x": 1}}


def test_first_uses_are_those_that_nobody_made_before(
    store: DigestStore, incidents: IncidentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 2)
    known = [
        began(START_NS - 10),
        began(START_NS + 10),
        began(START_NS + 20, 8, "name:a"),
        began(START_NS - 9, 9, "name:a"),
    ]
    new = [
        began(START_NS + 40, 10),
        began(START_NS + 30, signature="other"),
        began(START_NS + 50, 10),
        began(END_NS, 11),
    ]
    incidents.record(alerts=[*known, *new])
    found, number = store.first_uses(START_NS, END_NS, 10)
    assert [(each.signature, each.client) for each in found] == [("other", "192.0.2.7"), ("example.chat", "192.0.2.10")]
    assert number == 2
    assert [len(store.first_uses(START_NS, END_NS, 1)[0]), store.first_uses(START_NS, END_NS, 1)[1]] == [1, 2]
    assert store.opened(START_NS, END_NS) == {"high": 5}


def test_a_row_that_is_no_incident_is_passed_over(store: DigestStore, incidents: IncidentStore) -> None:
    incidents.record(alerts=[began(START_NS + 1), began(START_NS + 2, 8)])
    update = "UPDATE incidents SET body = '{broken' WHERE first_ns = ?"
    incidents.database.run(lambda connection: connection.execute(update, (START_NS + 1,)))
    found, number = store.first_uses(START_NS, END_NS, 10)
    assert ([each.client for each in found], number) == (["192.0.2.8"], 2)


def test_a_digest_is_recorded_once_with_its_places(store: DigestStore, incidents: IncidentStore) -> None:
    assert (store.ends(), store.is_made(DAY)) == (None, False)
    assert store.record(DAY, MADE_NS, digest(), ["soc", "mail"])
    assert not store.record(DAY, MADE_NS + 1, digest(), ["soc", "mail"])
    assert (store.ends(), store.is_made(DAY)) == ((DAY, DAY), True)
    assert unsent(incidents, "soc") == [digest()]
    incidents.acknowledge("soc", [digest().id])
    incidents.bury("mail", [digest().id], "no")
    assert unsent(incidents, "soc") == []
    [kept] = find(incidents.database, Choice(state=State.DEAD))
    assert (kept.id, kept.body) == (digest().id, message_to_json(digest()))


def test_a_day_without_one_is_done_too(store: DigestStore, incidents: IncidentStore) -> None:
    assert store.record(DAY, MADE_NS, None)
    assert store.is_made(DAY)
    assert find(incidents.database, Choice()) == []


def test_a_digest_that_names_a_client_can_be_forgotten(store: DigestStore, incidents: IncidentStore) -> None:
    store.record(DAY, MADE_NS, digest(), ["soc"])
    incidents.record(alerts=[opened()], sinks=["soc"])
    assert store.forget(lambda _: False) == 0
    assert store.forget(lambda each: each.first_uses[0].client == "192.0.2.7") == 1
    assert unsent(incidents, "soc") == [opened()]
    assert store.is_made(DAY)  # and it is not sent again
    store.record(DAY.replace(day=2), MADE_NS, digest(id="x"))
    incidents.database.run(lambda connection: connection.execute("UPDATE alerts SET body = '{' WHERE id = 'x'"))
    assert store.forget(lambda _: False) == 1  # nobody can tell whom that one names


def test_what_is_old_goes(store: DigestStore, incidents: IncidentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DAYS", 2)
    store.add({MIDNIGHT_S: {"a": {"x": 1}}})
    store.record(DAY, MADE_NS, digest(), ["soc"])
    store.record(DAY.replace(day=2), MADE_NS + 1, None)
    incidents.record(alerts=[opened()])
    store.purge_before(MADE_NS, START_NS)
    assert store.is_made(DAY)
    assert store.counts(START_NS, END_NS)
    store.record(DAY.replace(day=3), MADE_NS + 2, None)
    store.purge_before(MADE_NS + 1, START_NS + 1_000_000_000)
    assert (store.is_made(DAY), store.ends()) == (False, (DAY.replace(day=2), DAY.replace(day=3)))
    assert store.counts(START_NS, END_NS) == {}
    assert unsent(incidents, "soc") == []
    assert len(find(incidents.database, Choice())) == 1
