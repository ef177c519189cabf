"""What a digest is made of, as the store has it, and digests themselves.

Read in short transactions, page by page: while a digest is made, alerts are committed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

from egret.alerts.codec import incident_from_dict
from egret.alerts.digest import Digest
from egret.alerts.messages import message_from_json, message_to_json
from egret.alerts.model import Incident
from egret.model import Severity
from egret.store.database import Database
from egret.telemetry.coverage import Counts, together

HOUR_S = 3600
_NS = 1_000_000_000
_PAGE = 2_000  # rows of one transaction
MAX_DAYS = 400  # that are known to be done; by number and not by age, which a wrong clock would get wrong
_FORGET_DAYS = "DELETE FROM digests WHERE day NOT IN (SELECT day FROM digests ORDER BY made_ns DESC LIMIT ?)"
_RANKS = {severity.rank: severity.value for severity in Severity}
Pair = tuple[str, str]  # signature, key of the client


class DigestStore:
    """Blocking and thread-safe, as the database is. Every method raises StoreError where the file fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, hours: Mapping[int, Counts]) -> bool:
        """Add counts to the hours that they belong to, by the hour's first second; True."""

        def write(connection: sqlite3.Connection) -> bool:
            for start_s, counts in hours.items():
                row = connection.execute("SELECT body FROM tallies WHERE start_s = ?", (start_s,)).fetchone()
                body = json.dumps(together([_counts(row[0]) if row else {}, counts]), separators=(",", ":"))
                connection.execute("INSERT OR REPLACE INTO tallies VALUES (?, ?)", (start_s, body))
            return True

        return self._database.run(write)

    def counts(self, start_ns: int, end_ns: int) -> Counts:
        """The sum of the hours that begin in a stretch of time."""
        query = "SELECT body FROM tallies WHERE start_s >= ? AND start_s < ?"
        values = (start_ns // _NS, end_ns // _NS)
        rows = self._database.run(lambda connection: connection.execute(query, values).fetchall())
        return together(_counts(body) for (body,) in rows)

    def opened(self, start_ns: int, end_ns: int) -> dict[str, int]:
        """How many incidents began in a stretch of time, by severity; those without are left out."""
        query = (
            "SELECT severity, count(*) FROM incidents WHERE last_ns >= ?1 AND first_ns >= ?1 AND first_ns < ?2 "
            "GROUP BY severity ORDER BY severity DESC"
        )
        rows = self._database.run(lambda connection: connection.execute(query, (start_ns, end_ns)).fetchall())
        return {_RANKS[rank]: number for rank, number in rows if rank in _RANKS}

    def first_uses(self, start_ns: int, end_ns: int, limit: int) -> tuple[list[Incident], int]:
        """The incidents by which clients came to a service that they never used before, the first *limit* of them.

        Returns:
            Those, oldest first, and how many there are.
        """
        first: dict[Pair, tuple[int, str]] = {}
        for signature, client, first_ns, identity in self._walk(end_ns):
            pair = (signature, client)
            if pair not in first or first_ns < first[pair][0]:
                first[pair] = (first_ns, identity)
        new = sorted(row for row in first.values() if row[0] >= start_ns)
        found = (self._incident(identity) for _, identity in new[:limit])
        return [incident for incident in found if incident is not None], len(new)

    def _walk(self, end_ns: int) -> Iterator[tuple[str, str, int, str]]:
        """Signature, client, beginning and id of every incident that began before *end_ns*."""
        query = (
            "SELECT rowid, signature, CASE WHEN json_valid(body) THEN json_extract(body, '$.client_key') END, client, "
            "first_ns, id FROM incidents WHERE rowid > ? ORDER BY rowid LIMIT ?"
        )
        last = 0
        while True:
            rows = self._database.run(partial(_fetch, query, (last, _PAGE)))
            for _, signature, key, client, first_ns, identity in rows:
                if first_ns < end_ns:
                    yield signature, str(key or f"ip:{client}"), first_ns, identity
            if not rows:
                return
            last = rows[-1][0]

    def _incident(self, identity: str) -> Incident | None:
        rows = self._database.run(partial(_fetch, "SELECT body FROM incidents WHERE id = ?", (identity,)))
        try:
            return incident_from_dict(json.loads(rows[0][0])) if rows else None
        except ValueError:
            return None

    def is_made(self, day: date) -> bool:
        """Whether *day* had its digest, or was found not to need one."""
        return bool(self._database.run(partial(_fetch, "SELECT 1 FROM digests WHERE day = ?", (day.isoformat(),))))

    def ends(self) -> tuple[date, date] | None:
        """The oldest and the newest day that is done; None before the first."""
        [(oldest, newest)] = self._database.run(partial(_fetch, "SELECT min(day), max(day) FROM digests", ()))
        return (date.fromisoformat(oldest), date.fromisoformat(newest)) if oldest else None

    def record(self, day: date, now_ns: int, digest: Digest | None, sinks: Sequence[str] = ()) -> bool:
        """Note that *day* is done; in the same transaction keep its digest, with a place in the outbox of each sink.

        Returns:
            Whether it is new: False where the day was done already, and nothing was changed.
        """

        def write(connection: sqlite3.Connection) -> bool:
            new = connection.execute("INSERT OR IGNORE INTO digests VALUES (?, ?)", (day.isoformat(), now_ns)).rowcount
            if new and digest is not None:
                row = (digest.id, None, 0, digest.time_ns, digest.severity.rank, message_to_json(digest))
                connection.execute("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?)", row)
                places = [(sink, digest.id) for sink in sinks]
                connection.executemany("INSERT OR IGNORE INTO outbox (sink, alert) VALUES (?, ?)", places)
            return bool(new)

        return self._database.run(write)

    def forget(self, is_theirs: Callable[[Digest], bool]) -> int:
        """Delete the digests that name a client, delivered or not; how many. They can be made anew without it."""
        rows = self._database.run(partial(_fetch, "SELECT id, body FROM alerts WHERE incident IS NULL", ()))
        gone = [(identity,) for identity, body in rows if _names(body, is_theirs)]
        delete = "DELETE FROM alerts WHERE id = ?"
        return self._database.run(lambda connection: connection.executemany(delete, gone).rowcount) if gone else 0

    def purge_before(self, time_ns: int, counts_ns: int) -> None:
        """Delete digests that are older than *time_ns*, and counts, in which no client is, older than *counts_ns*."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM alerts WHERE incident IS NULL AND time_ns < ?", (time_ns,))
            connection.execute(_FORGET_DAYS, (MAX_DAYS,))
            connection.execute("DELETE FROM tallies WHERE start_s < ?", (counts_ns // _NS,))

        self._database.run(write)


def _fetch(query: str, values: Sequence[object], connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(query, values).fetchall()


def _names(body: str, is_theirs: Callable[[Digest], bool]) -> bool:
    """Whether a digest names them; one that nobody can read might."""
    try:
        message = message_from_json(body)
    except ValueError:
        return True
    return isinstance(message, Digest) and is_theirs(message)


def _counts(body: str) -> Counts:
    try:
        rows = json.loads(body)
        return {str(part): {str(k): int(n) for k, n in labels.items()} for part, labels in rows.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
