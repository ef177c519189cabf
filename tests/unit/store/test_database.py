from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from egret.errors import StoreError
from egret.store import database
from egret.store.database import Database
from egret.store.schema import VERSION


def add(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO incidents VALUES (hex(randomblob(8)), 'c', 's', 1, 1, 1, NULL, '{}')")


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM incidents").fetchone()[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "incidents.db"


def test_only_its_user_can_read_it(path: Path) -> None:
    store = Database(path)
    store.run(add)
    modes = {item.name: stat.S_IMODE(item.stat().st_mode) for item in path.parent.iterdir()}
    assert modes == dict.fromkeys(("incidents.db", "incidents.db-wal", "incidents.db-shm"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.close()


def test_what_was_committed_is_there_after_a_restart(path: Path) -> None:
    first = Database(path)
    first.run(add)
    first.close()
    second = Database(path)
    assert second.run(count) == 1
    assert second.run(lambda c: c.execute("PRAGMA user_version").fetchone()[0]) == VERSION
    second.close()


def test_a_transaction_is_whole_or_nothing(path: Path) -> None:
    store = Database(path)

    def half(connection: sqlite3.Connection) -> None:
        add(connection)
        connection.execute("SELECT * FROM nowhere")

    with pytest.raises(StoreError, match="nowhere"):
        store.run(half)
    assert store.run(count) == 0
    store.close()


def test_a_foreign_exception_leaves_no_transaction_open(path: Path) -> None:
    store = Database(path)

    def bug(connection: sqlite3.Connection) -> None:
        add(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.run(bug)
    store.run(add)
    assert store.run(count) == 1
    store.close()


@pytest.mark.parametrize(("damage", "kept"), [("text", 0), ("header", 500), ("page", 0)])
def test_a_broken_file_is_kept_aside_and_a_new_one_begun_with_what_can_be_read(
    path: Path, damage: str, kept: int
) -> None:
    store = Database(path)
    for _ in range(500):
        store.run(add)
    store.checkpoint()
    store.close()
    content = bytearray(path.read_bytes())
    if damage == "text":
        content = bytearray(b"this is no database\n" * 100)
    elif damage == "header":
        content[0:16] = bytes(16)
    else:
        content[4096 * 2 :] = os.urandom(len(content) - 4096 * 2)
    path.write_bytes(content)
    again = Database(path)
    assert again.run(count) == kept
    again.run(add)
    [(aside, salvaged)] = again.moved_aside
    assert aside.read_bytes()[4096:] == bytes(content[4096:])  # SQLite may have written the header before it noticed
    assert aside.name == "incidents.db.1.corrupt"
    assert salvaged.kept.get("incidents", 0) == kept
    again.close()


def test_broken_files_are_never_written_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_ASIDE_LIMIT", 3)
    path.parent.mkdir()
    for _ in range(2):
        path.write_bytes(b"x" * 4096)
        store = Database(path)
        store.run(count)
        store.close()
    path.write_bytes(b"x" * 4096)
    with pytest.raises(StoreError, match="broken again"):
        Database(path).run(count)
    assert sorted(item.name for item in path.parent.glob("*.corrupt")) == [
        "incidents.db.1.corrupt",
        "incidents.db.2.corrupt",
    ]


def test_damage_while_it_is_open_is_found_and_set_aside(path: Path) -> None:
    store = Database(path)
    store.run(add)

    def broken(connection: sqlite3.Connection) -> int:
        if not store.moved_aside:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT | 1 << 8
            raise error
        return count(connection)

    assert store.run(broken) == 1
    assert len(store.moved_aside) == 1
    store.close()


def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    store = Database(path)
    store.run(lambda connection: connection.execute(f"PRAGMA user_version = {VERSION + 1}"))
    store.close()
    with pytest.raises(StoreError, match="newer Egret"):
        Database(path).run(count)
    assert path.exists()


def test_a_file_that_was_deleted_is_begun_anew(path: Path) -> None:
    store = Database(path)
    store.run(add)
    for item in path.parent.iterdir():
        item.unlink()
    assert store.run(count) == 0
    store.close()


def test_a_folder_in_the_way_says_so_and_heals(tmp_path: Path) -> None:
    path = tmp_path / "incidents.db"
    path.mkdir()
    store = Database(path)
    with pytest.raises(StoreError, match=str(path)):
        store.run(count)
    path.rmdir()
    assert store.run(count) == 0
    store.close()


def test_a_reader_beside_us_does_not_stop_a_write(path: Path) -> None:
    store = Database(path)
    store.run(add)
    reader = sqlite3.connect(path)
    cursor = reader.execute("SELECT * FROM incidents")
    store.run(add)
    cursor.close()
    reader.close()
    assert store.run(count) == 2
    store.close()


def test_a_writer_that_stays_is_an_error_not_a_hang(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 0.05)
    store = Database(path)
    store.run(add)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        store.run(add)
    writer.execute("ROLLBACK")
    writer.close()
    store.run(add)
    assert store.run(count) == 2
    store.close()


def test_threads_take_turns(path: Path) -> None:
    store = Database(path)
    threads = [threading.Thread(target=lambda: [store.run(add) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.run(count) == 80
    store.close()


def test_free_pages_go_back_to_the_file_system(path: Path) -> None:
    store = Database(path)
    store.run(lambda c: c.execute("INSERT INTO incidents VALUES ('i', 'c', 's', 1, 1, 1, NULL, ?)", ("x" * 1_000_000,)))
    store.checkpoint()
    before = path.stat().st_size
    store.run(lambda c: c.execute("DELETE FROM incidents"))
    store.shrink(10_000)
    store.checkpoint()
    assert path.stat().st_size < before / 5
    store.close()
