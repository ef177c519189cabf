"""The SQLite door: opening, migrating, and what to do when the disk or the file is broken.

Every failure is a ``StoreError``. A file that is no sound database any more is moved aside, never deleted; a new one
is begun, and gets what can be read of it (``salvage``). A disk that is full or read-only leaves the file alone and the
next call tries again.

Threads: calls may come from any thread; a lock lets one in at a time. They block (a commit waits for the
disk), so an event loop calls them in an executor.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from egret.errors import StoreError
from egret.store.salvage import Salvaged, salvage
from egret.store.schema import MIGRATIONS, VERSION
from egret.store.wal import commits

_Result = TypeVar("_Result")
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_ASIDE_LIMIT = 100  # broken files kept; more of them mean a broken disk, not a broken file
_BUSY_S = 5.0  # a reader beside us (`egret alerts`, a backup) holds a lock for less
_PRAGMAS = (
    "PRAGMA auto_vacuum = INCREMENTAL",  # before the first table, so that purged pages can be given back
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is purged is gone from the file, too
)


class Database:
    """One SQLite file.

    Raises:
        StoreError: it cannot be opened; the object is usable all the same: each call tries again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.moved_aside: list[tuple[Path, Salvaged]] = []  # broken files, for the operator to look at
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._logs_seen = False  # only what an earlier process left is looked at

    def run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do *work* in one transaction.

        Raises:
            StoreError: it was not done, or not committed; nothing of it is kept.
        """
        with self._lock, _translated(self.path):
            try:
                return self._once(work)
            except sqlite3.DatabaseError as error:
                if not _is_corrupt(error):
                    raise
            self._replace()
            return self._once(work)

    def read(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do *work*, which writes nothing, on a connection of its own: it waits for no writer and holds up none.

        Raises:
            StoreError: the file cannot be read, or is not there yet; it is never replaced.
        """
        with _translated(self.path):
            connection = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
            connection.text_factory = _text
            try:
                return work(connection)
            finally:
                connection.close()

    def _once(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        connection = self._open()
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            self._abandon()  # a full disk may leave a transaction half rolled back: begin anew next time
            raise
        return result

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self.path.exists():
            return self._connection
        self._abandon()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # -wal and -shm take this mode
        committed = commits(self.path)
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        connection.text_factory = _text
        try:
            self._look_at_log(connection, committed)  # first: the pragmas write
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            _check(connection)
            _migrate(connection, self.path)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _look_at_log(self, connection: sqlite3.Connection, committed: list[int]) -> None:
        """Keep a log that SQLite could not read to its end, before it is written over."""
        _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        lost = sum(number > frames for number in committed)
        if lost and not self._logs_seen:
            aside = self._free_name()
            if aside is not None:
                _copy(Path(f"{self.path}-wal"), Path(f"{aside}-wal"))
                self.moved_aside.append((Path(f"{aside}-wal"), Salvaged({}, lost)))
        self._logs_seen = True

    def _free_name(self) -> Path | None:
        names = (_aside(self.path, number) for number in range(1, _ASIDE_LIMIT))
        return next((name for name in names if not (name.exists() or Path(f"{name}-wal").exists())), None)

    def _abandon(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _replace(self) -> None:
        aside = self._move_aside()
        try:
            salvaged = self._once(lambda connection: salvage(aside, connection))
        except (sqlite3.Error, OSError):  # a full disk: the new file must do without
            salvaged = Salvaged({}, 1)
        self.moved_aside.append((aside, salvaged))

    def _move_aside(self) -> Path:
        self._abandon()
        aside = self._free_name()
        if aside is None:
            raise StoreError(
                f"{self.path}: broken again; remove the {_ASIDE_LIMIT - 1} *.corrupt files and check the disk"
            )
        self.path.replace(aside)
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").replace(f"{aside}{suffix}")
        return aside

    def checkpoint(self) -> None:
        """Write the log back into the file and empty it, so that purged text is in neither.

        Raises:
            StoreError: the disk does not allow it.
        """
        with self._lock, _translated(self.path):
            busy, *_ = self._open().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(f"{self.path}: another program is reading it, so its log cannot be emptied; try again")

    def shrink(self, pages: int) -> None:
        """Give up to *pages* free pages back to the file system.

        Raises:
            StoreError: the disk does not allow it.
        """
        with self._lock, _translated(self.path):
            self._open().executescript(f"PRAGMA incremental_vacuum({int(pages)})")  # execute() would free one page

    def close(self) -> None:
        """Close the file. A later call opens it again."""
        with self._lock:
            self._abandon()


def _copy(log: Path, aside: Path) -> None:
    """Where a full disk leaves no room for that, what was lost is told all the same."""
    try:
        shutil.copyfile(log, aside)
        aside.chmod(0o600)
    except OSError:
        aside.unlink(missing_ok=True)


def _text(data: bytes) -> str:
    """A damaged row must not keep the others from being read."""
    return data.decode("utf-8", "replace")


def _check(connection: sqlite3.Connection) -> None:
    """Find damage now rather than in the middle of a query."""
    row = connection.execute("PRAGMA quick_check(1)").fetchone()
    if row is None or row[0] != "ok":
        error = sqlite3.DatabaseError("quick_check failed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise StoreError(f"{path}: written by a newer Egret (schema {version}); update, or use another store.path")
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}.corrupt")


def _is_corrupt(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT  # the low byte is the primary code


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path}: {error}; free space or fix the rights there, or set store.path") from error
