from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from egret.alerts.incidents import Incidents
from egret.errors import StoreError
from egret.model import Severity
from egret.store import incidents as store_incidents
from egret.store.incidents import IncidentStore
from egret.track.answers import Learnt
from egret.value import replace
from tests.support.alerts import START_NS, alerts_of, hello, hostile, lookup, opened, whole_life
from tests.support.stored import stored, unsent

DAY_NS = 86_400 * 10**9


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "incidents.db"


@pytest.fixture
def store(path: Path) -> Iterator[IncidentStore]:
    with closing(IncidentStore(path)) as opened_store:
        yield opened_store


def client(number: int) -> bytes:
    return bytes([192, 0, 2 + number // 256, number % 256])


def test_incidents_and_alerts_come_back_as_they_were(store: IncidentStore) -> None:
    life = [*whole_life()[:3], hostile()]
    store.record(alerts=life)
    assert store.alerts(life[0].incident.id) == life[:3]
    assert store.get(life[0].incident.id) == life[2].incident
    assert store.get(hostile().incident.id) == hostile().incident
    assert store.get("nothing") is None


def test_a_restart_continues_open_incidents_and_only_those(path: Path) -> None:
    closed = whole_life()
    still_open = opened(client=client(9))
    with closing(IncidentStore(path)) as before:
        before.record(alerts=[*closed, still_open])
        before.record(incidents=[replace(still_open.incident, detections=42)])
    with closing(IncidentStore(path)) as after:
        [incident] = after.open_incidents()
    assert incident == replace(still_open.incident, detections=42)
    engine = Incidents()
    engine.restore([incident])
    assert engine.feed(hello(1, client=client(9), port=7)) == []


def test_recording_twice_changes_nothing(store: IncidentStore) -> None:
    store.record(alerts=whole_life(), sinks=["soc"])
    store.acknowledge("soc", [alert.id for alert in whole_life()])
    store.record(alerts=whole_life(), sinks=["soc"])
    assert unsent(store, "soc") == []
    assert len(store.alerts(whole_life()[0].incident.id)) == 4


def test_nothing_to_record_opens_nothing(path: Path, store: IncidentStore) -> None:
    store.record()
    assert not path.exists()


def test_an_outbox_is_kept_for_each_sink_until_it_acknowledges(path: Path) -> None:
    life = whole_life()
    with closing(IncidentStore(path)) as before:
        before.record(alerts=life, sinks=["soc", "file"])
        before.acknowledge("soc", [life[0].id, life[2].id])
        before.bury("soc", [life[1].id], "HTTP 410")
    with closing(IncidentStore(path)) as after:
        assert unsent(after, "soc") == [life[3]]
        assert unsent(after, "file") == life
        assert after.waiting("file", [life[1].id, life[0].id]) == life[:2]
        assert unsent(after, "nobody") == []


def test_any_time_a_capture_may_claim_fits(store: IncidentStore) -> None:
    alert = opened()
    incident = replace(alert.incident, first_ns=2**64 * 10**9, last_ns=-(2**70))
    store.record(alerts=[replace(alert, incident=incident, time_ns=2**80)])
    assert len(stored(store)) == 1


def test_old_incidents_are_purged_with_their_alerts_in_batches(
    store: IncidentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_incidents, "_PURGE_BATCH", 10)
    store.record(alerts=[opened(client=client(n), at_s=n) for n in range(50)], sinks=["soc"])
    assert store.purge_before(START_NS + 45 * 10**9, batches=2) == 20
    assert store.purge_before(START_NS + 45 * 10**9) == 25
    assert store.purge_before(START_NS + 45 * 10**9) == 0
    assert len(stored(store)) == len(unsent(store, "soc")) == 5


def test_a_purge_keeps_what_is_young(store: IncidentStore) -> None:
    store.record(alerts=[opened()])
    assert store.purge_before(START_NS - 90 * DAY_NS) == 0


def test_what_could_not_be_written_goes_with_the_next_call(store: IncidentStore, path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match=str(path)):
        store.record(alerts=[opened()], sinks=["soc"])
    assert (store.healthy, store.errors, store.pending) == (False, 1, 2)
    path.rmdir()
    store.record()
    assert (store.healthy, store.pending) == (True, 0)
    assert unsent(store, "soc") == [opened()]


def test_what_waits_for_the_disk_is_bounded_and_what_is_lost_is_counted(
    store: IncidentStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_incidents, "MAX_PENDING", 5)
    path.mkdir()
    for number in range(8):
        with pytest.raises(StoreError):
            store.record(alerts=[opened(client=client(number))])
    assert (store.pending, store.lost) == (10, 3)
    path.rmdir()
    store.record()
    assert len(stored(store)) == 5


def test_an_alert_whose_incident_no_longer_waits_is_written_with_it(
    store: IncidentStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_incidents, "MAX_PENDING", 1)
    path.mkdir()
    with pytest.raises(StoreError):
        store.record(alerts=[opened(client=client(1))])
    path.rmdir()
    store.record(incidents=[opened(client=client(2)).incident])
    assert len(stored(store)) == 2


def test_rows_that_are_not_ours_are_counted_and_passed_over(store: IncidentStore, path: Path) -> None:
    store.record(alerts=[opened(client=client(1)), opened(client=client(2))])
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE incidents SET body = '[' WHERE client = '192.0.2.1'")
        other.execute("UPDATE alerts SET body = '{}' WHERE rowid = 1")
        other.commit()
    assert [incident.client for incident in store.open_incidents()] == ["192.0.2.2"]
    assert store.unreadable == 1


def test_a_broken_file_is_set_aside_and_recording_goes_on(path: Path, store: IncidentStore) -> None:
    path.write_bytes(b"no database at all" * 1000)
    store.record(alerts=[opened()])
    assert [aside.name for aside, _ in store.moved_aside] == ["incidents.db.1.corrupt"]
    assert store.open_incidents() == [opened().incident]


def test_only_its_user_can_read_it(path: Path, store: IncidentStore) -> None:
    store.record(alerts=[opened()])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_severity_is_kept_as_a_number_that_compares(store: IncidentStore, path: Path) -> None:
    store.record(alerts=[opened(Severity.CRITICAL), *alerts_of(lookup(client=client(3)))])
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT severity FROM incidents ORDER BY severity").fetchall() == [(2,), (4,)]


KILLED = """
import sys
from pathlib import Path
from egret.track.answers import Learnt
from egret.store.incidents import IncidentStore
from tests.support.alerts import opened
store = IncidentStore(Path(sys.argv[1]))
for number in range(100_000):
    alert = opened(client=bytes([10, number >> 16, number >> 8 & 255, number & 255]))
    store.record(alerts=[alert], sinks=["soc"])
    print(alert.id, flush=True)
"""


def test_killed_at_any_instant_what_was_recorded_is_there(path: Path) -> None:
    for pause_s in (0.0, 0.013, 0.05):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = [process.stdout.readline().strip()]
        time.sleep(pause_s)
        process.kill()
        told += process.stdout.read().split()[:-1]  # the last line may be half a line
        process.stdout.close()
        process.wait()
        with closing(IncidentStore(path)) as store:
            kept = set(store.waiting_ids("soc", 10**6))
            assert store.moved_aside == []
        assert set(told) <= kept


def test_learnt_names_are_kept_until_they_expire_or_their_client_is_purged(tmp_path: Path) -> None:
    ours, theirs, address = bytes([192, 0, 2, 7]), bytes([192, 0, 2, 8]), bytes([203, 0, 113, 9])
    learnt = [Learnt(ours, address, "chat.example", 100), Learnt(theirs, bytes(16), "x.example", 50)]
    store = IncidentStore(tmp_path / "i.db")
    store.remember(learnt)
    store.remember(learnt)
    store.close()
    again = IncidentStore(tmp_path / "i.db")
    assert again.remembered(10) == [learnt[1], learnt[0]]
    assert again.remembered(60) == [learnt[0]]
    assert again.forget_learnt(lambda client: client == "192.0.2.7") == 1
    assert again.remembered(10) == [learnt[1]]
    again.remember([])
    assert again.remembered(0) == []
    again.close()
