from __future__ import annotations

from pathlib import Path

import pytest

from egret.store import access
from egret.store.access import EVERYONE, PURGED, SAME_NS, AccessLog, Look, Purpose
from egret.store.database import Database

NOW_NS = 1_767_225_600_000_000_000
SECOND_NS = 1_000_000_000


@pytest.fixture
def log(tmp_path: Path) -> AccessLog:
    return AccessLog(Database(tmp_path / "incidents.db"))


def test_a_look_is_kept(log: AccessLog) -> None:
    assert log.note(NOW_NS, "user alice (uid 1000)", Purpose.REVEAL, "192.0.2.7")
    assert log.looks() == [Look(NOW_NS, NOW_NS, 1, "user alice (uid 1000)", Purpose.REVEAL, "192.0.2.7")]


def test_a_page_that_refreshes_itself_writes_one_row_an_hour(log: AccessLog) -> None:
    for second in range(0, 7200, 60):
        log.note(NOW_NS + second * SECOND_NS, "http 127.0.0.1", Purpose.PAGE)
    assert [look.times for look in log.looks()] == [59, 61]
    assert sum(look.last_ns - look.first_ns for look in log.looks()) <= 2 * SAME_NS


def test_looks_at_one_client_include_those_at_everyone(log: AccessLog) -> None:
    log.note(NOW_NS, "a", Purpose.API, "192.0.2.7")
    log.note(NOW_NS + 1, "a", Purpose.API, "192.0.2.8")
    log.note(NOW_NS + 2, "a", Purpose.PAGE)
    assert [look.client for look in log.looks(client="192.0.2.7")] == [EVERYONE, "192.0.2.7"]


def test_it_is_kept_no_longer_than_incidents(log: AccessLog) -> None:
    log.note(NOW_NS, "old", Purpose.API)
    log.note(NOW_NS + 2 * SAME_NS, "new", Purpose.API)
    assert log.purge_before(NOW_NS + 1) == 1
    assert [look.who for look in log.looks()] == ["new"]
    assert log.purge_before(2**80) == 1


def test_it_is_bounded(log: AccessLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MAX_ROWS", 3)
    for number in range(5):
        log.note(NOW_NS, f"who {number}", Purpose.API, "x" * 10_000)
    assert [look.who for look in log.looks()] == ["who 4", "who 3", "who 2"]
    assert max(len(look.client) for look in log.looks()) == 200


def test_a_purged_client_leaves_the_look_and_not_its_address(log: AccessLog) -> None:
    log.note(NOW_NS, "a", Purpose.API, "192.0.2.7")
    log.note(NOW_NS, "a", Purpose.API, "192.0.2.8")
    assert log.forget(frozenset({"192.0.2.7"})) == 1
    assert {look.client for look in log.looks()} == {PURGED, "192.0.2.8"}
