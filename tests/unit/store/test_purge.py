from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from egret.alerts.model import Alert
from egret.alerts.veil import CLEAR, Veil
from egret.alerts.whose import Whose
from egret.errors import StoreError
from egret.settings.pseudonyms import SivPseudonyms
from egret.store.access import PURGED, AccessLog, Purpose
from egret.store.digests import DigestStore
from egret.store.incidents import IncidentStore
from egret.store.purge import Removed, purge
from egret.track.answers import Learnt
from egret.value import replace
from tests.support.alerts import START_NS, opened
from tests.support.digest import DAY, MADE_NS, digest
from tests.support.stored import stored, unsent

KEY = "0123456789abcdef" * 2


def client(number: int) -> bytes:
    return bytes([192, 0, 2, number])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "incidents.db"


@pytest.fixture
def store(path: Path) -> IncidentStore:
    return IncidentStore(path)


def known(alert: Alert, key: str, *addresses: str, name: str | None = None) -> Alert:
    incident = replace(alert.incident, client_key=key, client_addresses=addresses, client_name=name)
    return replace(alert, incident=incident)


def files(path: Path) -> bytes:
    return b"".join(item.read_bytes() for item in path.parent.iterdir())


def test_a_purged_client_leaves_no_trace_in_any_file(path: Path, store: IncidentStore) -> None:
    store.record(alerts=[opened(client=client(77)), opened(client=client(78))], sinks=["soc"])
    store.remember([Learnt(client(77), bytes(4), "chat.example", 2**62), Learnt(client(78), bytes(4), "a.b", 2**62)])
    looks = AccessLog(store.database)
    looks.note(START_NS, "user alice", Purpose.EXPLAIN, "192.0.2.77")
    assert b"192.0.2.77" in files(path)
    assert purge(store, Whose("192.0.2.77", CLEAR))._replace(ids=()) == Removed(
        incidents=1, alerts=1, learnt=1, looks=1
    )
    assert [alert.incident.client for alert in unsent(store, "soc") if isinstance(alert, Alert)] == ["192.0.2.78"]
    assert [each.client for each in store.remembered(0)] == [client(78)]
    assert [look.client for look in looks.looks()] == [PURGED]
    assert b"192.0.2.77" not in files(path)
    assert b"192.0.2.78" in files(path)


def test_a_network_is_all_of_its_clients(store: IncidentStore) -> None:
    store.record(alerts=[opened(client=client(n)) for n in range(20)])
    assert purge(store, Whose("192.0.2.0/29", CLEAR)).incidents == 8
    assert len(stored(store)) == 12


def test_a_device_goes_with_all_of_its_addresses(store: IncidentStore) -> None:
    mac = "mac:02:00:5e:10:00:01"
    store.record(
        alerts=[
            known(opened(client=client(1)), mac, "192.0.2.1", "2001:db8::1", name="desk"),
            known(opened(client=client(2)), mac, "192.0.2.2"),
            known(opened(client=client(3)), "ip:192.0.2.3", "192.0.2.3"),
        ]
    )
    store.remember([Learnt(client(2), bytes(4), "chat.example", 2**62)])
    assert purge(store, Whose("2001:db8::1", CLEAR))._replace(ids=()) == Removed(incidents=2, alerts=2, learnt=1)
    assert [incident.client for incident in stored(store)] == ["192.0.2.3"]


def test_a_name_is_enough(store: IncidentStore) -> None:
    store.record(alerts=[known(opened(client=client(1)), "name:desk", "192.0.2.1", name="desk"), opened(at_s=1)])
    assert purge(store, Whose("Desk", CLEAR)).incidents == 1


def test_pseudonyms_are_purged_by_what_they_stand_for_and_by_themselves(path: Path) -> None:
    veil = Veil(SivPseudonyms(KEY))
    store = IncidentStore(path, veil)
    alerts = [opened(client=client(n)) for n in (1, 2, 3)]
    store.record(alerts=[replace(alert, incident=veil.hide(alert.incident)) for alert in alerts])
    store.remember([Learnt(client(1), bytes(4), "chat.example", 2**62)])
    assert store.remembered(0)[0].client == client(1)
    assert b"192.0.2." not in files(path)
    assert purge(store, Whose("192.0.2.1", veil))._replace(ids=()) == Removed(incidents=1, alerts=1, learnt=1)
    pseudonym = veil.address("192.0.2.2")
    assert purge(store, Whose(pseudonym, CLEAR)).incidents == 1  # without the key, too
    assert pseudonym.encode() not in files(path)
    assert len(stored(store)) == 1


def test_a_row_that_cannot_be_read_goes_by_its_column(store: IncidentStore, path: Path) -> None:
    store.record(alerts=[opened(client=client(1)), opened(client=client(2))])
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE incidents SET body = '['")
        other.commit()
    assert purge(store, Whose("192.0.2.1", CLEAR)).incidents == 1


def test_a_purged_client_is_not_written_later(store: IncidentStore, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError):
        store.record(alerts=[opened()])
    path.rmdir()
    assert purge(store, Whose("192.0.2.7", CLEAR))._replace(ids=()) == Removed()
    store.record()
    assert stored(store) == []


def test_traces_that_cannot_be_wiped_yet_are_an_error(
    store: IncidentStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egret.store.database._BUSY_S", 0.05)
    store.record(alerts=[opened()])
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM incidents").fetchone()
        with pytest.raises(StoreError, match="another program is reading it"):
            purge(store, Whose("192.0.2.7", CLEAR))
    assert purge(store, Whose("192.0.2.7", CLEAR))._replace(ids=()) == Removed()
    assert b"192.0.2.7" not in files(path)


def test_digests_that_name_the_client_go_too(path: Path, store: IncidentStore) -> None:
    digests = DigestStore(store.database)
    digests.record(DAY, MADE_NS, digest(), ["soc"])
    digests.record(DAY.replace(day=2), MADE_NS, digest(id="other", first_uses=()), ["soc"])
    assert b"laptop-7" in files(path)
    assert purge(store, Whose("192.0.2.7", CLEAR)).digests == 1
    assert [each.id for each in unsent(store, "soc")] == ["other"]
    assert b"laptop-7" not in files(path)
