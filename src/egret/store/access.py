"""Who looked at whose history: kept beside the incidents, as long as they, and bounded.

Looking again within ``SAME_NS`` is counted in the same row, so a page that refreshes itself writes no flood.
"""

from __future__ import annotations

import sqlite3
from enum import StrEnum
from typing import NamedTuple

from egret.store.database import Database

SAME_NS = 3600 * 1_000_000_000
MAX_ROWS = 50_000  # some 5 MB; the oldest go first
EVERYONE = "*"  # a list that was not narrowed to a client
PURGED = "(purged)"  # in place of a client that was to be forgotten
_LONGEST = 200  # characters of a client or a name: both may come from outside
_LATEST_NS = 2**63 - 1


class Purpose(StrEnum):
    """What somebody did with a client's history."""

    PAGE = "page"
    API = "api"
    ALERTS = "alerts"
    EXPLAIN = "explain"
    REVEAL = "reveal"
    EXPORT = "export"
    EVIDENCE = "evidence"
    PURGE = "purge"


class Look(NamedTuple):
    """Somebody looked, *times* times between *first_ns* and *last_ns*."""

    first_ns: int
    last_ns: int
    times: int
    who: str  # "user alice (uid 1000)", "http 127.0.0.1"
    what: Purpose
    client: str  # address or pseudonym; EVERYONE, PURGED


class AccessLog:
    """The log of looks. Blocking and thread-safe, as the database is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, time_ns: int, who: str, what: Purpose, client: str = EVERYONE) -> bool:
        """Write down that *who* looked; whether this began a new row.

        Raises:
            StoreError: it is not written down.
        """
        return self._database.run(lambda connection: _note(connection, time_ns, who, what, client))

    def looks(self, limit: int = 1_000, client: str | None = None) -> list[Look]:
        """The newest looks first, of one client (and those at everyone) or all.

        Raises:
            StoreError: the file cannot be read.
        """
        query = (
            "SELECT first_ns, last_ns, times, who, what, client FROM access "
            "WHERE ?1 IS NULL OR client IN (?1, ?2) ORDER BY last_ns DESC, position DESC LIMIT ?3"
        )
        rows = self._database.run(lambda connection: connection.execute(query, (client, EVERYONE, limit)).fetchall())
        known = {purpose.value for purpose in Purpose}
        return [
            Look(first_ns, last_ns, times, who, Purpose(what), whose)
            for first_ns, last_ns, times, who, what, whose in rows
            if what in known
        ]

    def purge_before(self, time_ns: int) -> int:
        """Delete what is older than *time_ns*; how many rows.

        Raises:
            StoreError: nothing was deleted.
        """
        delete = "DELETE FROM access WHERE last_ns < ?"
        oldest = max(-_LATEST_NS, min(time_ns, _LATEST_NS))
        return self._database.run(lambda connection: connection.execute(delete, (oldest,)).rowcount)

    def clients(self) -> list[str]:
        """Every client that somebody looked at.

        Raises:
            StoreError: the file cannot be read.
        """
        query = "SELECT DISTINCT client FROM access"
        return [client for (client,) in self._database.run(lambda connection: connection.execute(query).fetchall())]

    def forget(self, clients: frozenset[str]) -> int:
        """Keep that somebody looked, but not at which of *clients*; how many rows.

        Raises:
            StoreError: nothing was changed.
        """
        update = "UPDATE access SET client = ? WHERE client = ?"
        rows = [(PURGED, client) for client in clients]
        return self._database.run(lambda connection: connection.executemany(update, rows).rowcount)


def _note(connection: sqlite3.Connection, time_ns: int, who: str, what: Purpose, client: str) -> bool:
    who, client = who[:_LONGEST], client[:_LONGEST]
    again = connection.execute(
        "UPDATE access SET times = times + 1, last_ns = max(last_ns, ?) "
        "WHERE who = ? AND what = ? AND client = ? AND first_ns BETWEEN ? AND ?",
        (time_ns, who, what.value, client, time_ns - SAME_NS, time_ns),
    ).rowcount
    if again:
        return False
    connection.execute(
        "INSERT INTO access (first_ns, last_ns, times, who, what, client) VALUES (?, ?, 1, ?, ?, ?)",
        (time_ns, time_ns, who, what.value, client),
    )
    connection.execute(
        "DELETE FROM access WHERE position <= (SELECT max(position) FROM access) - ?",
        (MAX_ROWS,),
    )
    return True
