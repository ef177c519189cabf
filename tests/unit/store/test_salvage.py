from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from egret.store import salvage as module
from egret.store.database import Database
from egret.store.digests import DigestStore
from egret.store.incidents import IncidentStore
from egret.store.outbox import State, counts
from egret.store.salvage import salvage
from tests.support.alerts import opened
from tests.support.digest import DAY, MADE_NS, digest
from tests.support.stored import unsent

PAGE = 4096
ALERTS = [opened(client=bytes([192, 0, 2 + number // 200, number % 200])) for number in range(300)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store of 300 alerts that wait, none of it in its log."""
    path = tmp_path_factory.mktemp("sound") / "i.db"
    with closing(IncidentStore(path)) as store:
        store.record(alerts=ALERTS, sinks=["soc"])
        store.database.checkpoint()
    return path.read_bytes()


def opened_again(tmp_path: Path, data: bytes) -> IncidentStore:
    path = tmp_path / "i.db"
    path.write_bytes(data)
    return IncidentStore(path)


def noise(data: bytearray, pages: range) -> None:
    chance = random.Random(5)
    for page in pages:
        data[page * PAGE : (page + 1) * PAGE] = chance.randbytes(PAGE)


@pytest.mark.parametrize(
    ("damage", "at_least"),
    [
        (lambda data: noise(data, range(1)), 300),  # the header, and where each table begins
        (lambda data: noise(data, range(len(data) // PAGE - 40, len(data) // PAGE)), 200),
        (lambda data: noise(data, range(200, 203)), 280),
        (lambda data: data.__delitem__(slice(len(data) * 3 // 5, None)), 50),  # at half of it no place is left
        (lambda data: data.__setitem__(slice(0, 16), b"not SQLite today"), 300),
    ],
    ids=["first page", "last pages", "pages amid it", "truncated", "not a database"],
)
def test_what_can_be_read_waits_again(
    tmp_path: Path, sound: bytes, damage: Callable[[bytearray], None], at_least: int
) -> None:
    data = bytearray(sound)
    damage(data)
    with closing(opened_again(tmp_path, bytes(data))) as store:
        waiting = unsent(store, "soc")
        assert len(waiting) >= at_least
        assert {alert.id for alert in waiting} <= {alert.id for alert in ALERTS}
        [(aside, salvaged)] = store.moved_aside
        assert salvaged.kept["alerts"] >= len(waiting)
        assert aside.stat().st_size == len(data)
        assert [path.name for path in tmp_path.iterdir() if "mending" in path.name] == []
        store.record(alerts=[opened(client=bytes([198, 51, 100, 1]))], sinks=["soc"])
        assert len(unsent(store, "soc")) == len(waiting) + 1


def test_wherever_a_page_is_lost_most_is_kept(tmp_path: Path, sound: bytes) -> None:
    chance = random.Random(3)
    for number in range(12):
        data = bytearray(sound)
        page = chance.randrange(1, len(data) // PAGE)
        noise(data, range(page, page + 1))
        folder = tmp_path / str(number)
        folder.mkdir()
        with closing(opened_again(folder, bytes(data))) as store:
            found = {incident.id for incident in store.open_incidents()}
            waiting = {alert.id for alert in unsent(store, "soc")}
        assert len(found | {identity[:-2] for identity in waiting}) >= 150, page


def test_an_alert_whose_incident_is_lost_brings_it_back(tmp_path: Path, sound: bytes) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(sound)
    with closing(sqlite3.connect(broken)) as connection:
        connection.execute("DELETE FROM incidents WHERE rowid < 100")  # foreign keys are off here
        connection.execute("UPDATE alerts SET body = '{' WHERE rowid = 1")
        connection.execute("UPDATE alerts SET body = '{}' WHERE rowid = 2")
        connection.commit()
    with closing(Database(tmp_path / "new.db")) as database:
        found = database.run(lambda connection: salvage(broken, connection))
        assert found.kept["incidents"] == 201
        assert found.kept["alerts"] == found.kept["outbox"] == 298
        assert found.broken == 4  # two alerts, and their places
        assert counts(database) == {("soc", State.WAITING): 298}
        assert database.run(lambda c: c.execute("SELECT count(*) FROM incidents").fetchone()) == (298,)


def test_damage_beyond_counting_ends(tmp_path: Path, sound: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STEPS", 3)
    data = bytearray(sound)
    noise(data, range(60, len(data) // PAGE))
    with closing(opened_again(tmp_path, bytes(data))) as store:
        unsent(store, "soc")
        [(_, salvaged)] = store.moved_aside
    assert salvaged.broken > 0


def test_an_alert_that_damage_made_unreadable_is_a_dead_letter_and_the_others_wait(
    tmp_path: Path, sound: bytes
) -> None:
    data = bytearray(sound)
    at = data.rindex(b"egret.alert/1")
    data[at - 40 : at + 40] = bytes(range(176, 256))
    with closing(opened_again(tmp_path, bytes(data))) as store:
        waiting = unsent(store, "soc")
        assert len(waiting) == 299
        assert store.moved_aside == []
        assert store.unreadable == 1
        assert counts(store.database) == {("soc", State.WAITING): 299, ("soc", State.DEAD): 1}


def test_digests_and_their_days_are_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "i.db"
    with closing(IncidentStore(path)) as store:
        store.record(alerts=ALERTS[:100], sinks=["soc"])
        digests = DigestStore(store.database)
        digests.record(DAY, MADE_NS, digest(), ["soc"])
        digests.add({0: {"a": {"b": 1}}})
        store.database.checkpoint()
    data = bytearray(path.read_bytes())
    noise(data, range(1))
    (tmp_path / "again").mkdir()
    with closing(opened_again(tmp_path / "again", bytes(data))) as store:
        assert unsent(store, "soc")[-1] == digest()
        again = DigestStore(store.database)
        assert again.is_made(DAY)
        assert again.counts(0, 1_000_000_000) == {"a": {"b": 1}}
