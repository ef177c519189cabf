from __future__ import annotations

import threading
from pathlib import Path

import pytest

from egret.alerts.selection import EVERYTHING, Selection
from egret.errors import StoreError
from egret.model import ServiceClass, Severity
from egret.store.database import Database
from egret.store.history import find
from egret.store.incidents import IncidentStore
from tests.support.patience import PATIENCE_S
from tests.support.webview import HOSTILE, NOW_NS, incident

MANY = [
    incident(1, client_name="Reception-Laptop", client_groups=("front desk", "it's"), closed_ns=NOW_NS),
    incident(
        2, vendor="Baidu", service_class=ServiceClass.CLOUD, severity=Severity.LOW, hosts=(HOSTILE, "yiyan.example")
    ),
    incident(3, client="2001:db8::1", client_addresses=("2001:db8::1", "192.0.2.99"), severity=Severity.CRITICAL),
]


@pytest.fixture
def store(tmp_path: Path) -> IncidentStore:
    made = IncidentStore(tmp_path / "i.db")
    made.record(MANY)
    return made


SELECTIONS = [
    EVERYTHING,
    Selection(severity=Severity.HIGH),
    Selection(service_class=ServiceClass.CLOUD),
    Selection(vendor="Alibaba"),
    Selection(group="front desk"),
    Selection(group="it's"),
    Selection(group="front"),
    Selection(client="192.0.2.99"),
    Selection(client="192.0.2.11"),
    Selection(words=("reception",)),
    Selection(words=("YIYAN", "baidu")),
    Selection(words=("yiyan", "alibaba")),
    Selection(words=("203.0.113.9", "2001:db8::1")),
    Selection(words=("' OR 1 --",)),
    Selection(words=("%",)),
    Selection(words=("score",)),  # the name of a field, and in no text
    Selection(severity=Severity.MEDIUM, vendor="Alibaba", words=("qwen",)),
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_the_disk_finds_what_memory_would(store: IncidentStore, selection: Selection) -> None:
    found = find(store.database, selection, closed_only=False, limit=10, offset=0)
    assert [each.id for each in found.incidents] == [each.id for each in MANY if selection.selects(each)]
    assert found.total == len(found.incidents)


def test_closed_ones_and_pages(store: IncidentStore) -> None:
    assert [each.id for each in find(store.database, EVERYTHING, closed_only=True, limit=9, offset=0).incidents] == [
        "incident-1"
    ]
    page = find(store.database, EVERYTHING, closed_only=False, limit=1, offset=1)
    assert ([each.id for each in page.incidents], page.total) == (["incident-2"], 3)


def test_a_damaged_row_keeps_no_other_from_being_found(store: IncidentStore) -> None:
    store.database.run(lambda connection: connection.execute("UPDATE incidents SET body = '{' WHERE id = 'incident-2'"))
    found = find(store.database, Selection(words=("qwen",)), closed_only=False, limit=9, offset=0)
    assert [each.id for each in found.incidents] == ["incident-1", "incident-3"]
    assert len(find(store.database, EVERYTHING, closed_only=False, limit=9, offset=0).incidents) == 2


def test_searching_waits_for_no_writer(store: IncidentStore) -> None:
    found: list[int] = []

    def search() -> None:
        found.append(find(store.database, EVERYTHING, closed_only=False, limit=9, offset=0).total)

    def write(connection: object) -> None:
        thread = threading.Thread(target=search)
        thread.start()
        thread.join(PATIENCE_S)
        assert found == [3]

    store.database.run(write)


def test_without_a_file_it_is_an_error_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        find(Database(tmp_path / "none.db"), EVERYTHING, closed_only=False, limit=1, offset=0)
    assert not (tmp_path / "none.db").exists()
