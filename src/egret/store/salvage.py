"""What can still be read of a broken store goes into the one that takes its place.

Rows are read in their order; where that fails, the reader steps over what it cannot read. A file whose first page is
gone (it holds the header and where each table begins) is read through the first page of the new one: both were made by
the same statements on an empty file, and ``auto_vacuum`` keeps the roots of the tables together at its start.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from egret.alerts.codec import alert_from_dict
from egret.store.rows import INSERT_INCIDENT, Rows

TABLES = ("incidents", "alerts", "outbox", "access", "coverage", "digests", "tallies")  # parents first
MAX_STEPS = 20_000  # over rows that cannot be read, one by one; beyond it by doubling strides
_HEADER = 100  # bytes
_PAGES_AT, _FREE_AT = 28, 32  # the file format's section 1.3: size of the file in pages; first free page, their number
_BODIES = {"incidents": -1, "alerts": -1, "coverage": -1, "tallies": -1}  # which column is JSON
_Row = tuple[Any, ...]


class Salvaged(NamedTuple):
    """What became of a broken file's rows."""

    kept: dict[str, int]  # by table
    broken: int  # rows that were there and cannot be used, and gaps where rows may have been


def salvage(broken: Path, fresh: sqlite3.Connection) -> Salvaged:
    """Copy what can be read of the file *broken* into *fresh*, in whose transaction this is. *broken* stays as it is.

    Raises:
        sqlite3.Error: *fresh* takes nothing more.   OSError: there is no room.
    """
    with closing(_open(broken)) as connection:
        if _has_tables(connection):
            return _copy(connection, fresh)
    return _behind_another_first_page(broken, fresh)


def _has_tables(connection: sqlite3.Connection) -> bool:
    """Whether the first page is what it was."""
    query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    try:
        return {name for (name,) in connection.execute(query)}.issuperset(TABLES)
    except sqlite3.DatabaseError:
        return False


def _behind_another_first_page(broken: Path, fresh: sqlite3.Connection) -> Salvaged:
    mended = broken.with_suffix(".mending")
    try:
        _mend(broken, mended, fresh)
        with closing(_open(mended)) as connection:
            return _copy(connection, fresh) if _has_tables(connection) else Salvaged({}, 1)
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{mended}{suffix}").unlink(missing_ok=True)


def _mend(broken: Path, mended: Path, fresh: sqlite3.Connection) -> None:
    shutil.copyfile(broken, mended)
    mended.chmod(0o600)
    size = int(fresh.execute("PRAGMA page_size").fetchone()[0])
    first = bytearray(fresh.serialize()[:size])  # as it is now: the file itself may not have it yet
    first[_PAGES_AT : _PAGES_AT + 4] = max(1, mended.stat().st_size // size).to_bytes(4)
    first[_FREE_AT : _FREE_AT + 8] = bytes(8)
    with mended.open("r+b") as file:
        file.write(first)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _copy(broken: sqlite3.Connection, fresh: sqlite3.Connection) -> Salvaged:
    kept = dict.fromkeys(TABLES, 0)
    lost = 0
    for table in TABLES:
        for row in _rows(broken, table):
            if row is not None and _is_sound(table, row) and _put(table, row, fresh):
                kept[table] += 1
            else:
                lost += 1
    return Salvaged(kept, lost)


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[_Row | None]:
    """The rows of *table* in order; None for each gap."""
    query = f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid"  # noqa: S608 - a name of ours
    at, last, stride, steps = -1, _last(connection, table), 1, 0
    while at < last:
        before = at
        try:
            for number, *values in connection.execute(query, (before,)):
                at = number
                yield tuple(values)
        except (sqlite3.DatabaseError, OverflowError):
            if at > before or steps == 0:
                yield None
            stride = 1 if at > before or steps < MAX_STEPS else stride * 2
            steps, at = steps + 1, at + stride
        else:
            return


def _last(connection: sqlite3.Connection, table: str) -> int:
    """A row number that none is beyond."""
    try:
        found = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0]  # noqa: S608 - a name of ours
    except sqlite3.DatabaseError:
        return 1 << 40  # the strides get there
    return -1 if found is None else int(found)


def _is_sound(table: str, row: _Row) -> bool:
    """Damage inside a text is not SQLite's to notice."""
    if table not in _BODIES:
        return True
    try:
        json.loads(row[_BODIES[table]])
    except (ValueError, TypeError):
        return False
    return True


def _put(table: str, row: _Row, fresh: sqlite3.Connection) -> bool:
    insert = f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(row))})"  # noqa: S608 - a name of ours
    try:
        fresh.execute(insert, row)
    except sqlite3.IntegrityError:  # its parent is lost, or a value is not what it should be
        return table == "alerts" and _put_orphan(insert, row, fresh)
    return True


def _put_orphan(insert: str, row: _Row, fresh: sqlite3.Connection) -> bool:
    """An alert holds the incident as it was then."""
    try:
        incident = alert_from_dict(json.loads(row[-1])).incident
        fresh.execute(f"{INSERT_INCIDENT} ON CONFLICT DO NOTHING", Rows().incident(incident))
        fresh.execute(insert, row)
    except (ValueError, sqlite3.IntegrityError):
        return False
    return True
