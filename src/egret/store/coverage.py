"""The coverage ledger's hours on disk: counts only, no address and no name."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from egret.store.database import Database
from egret.telemetry.coverage import Counts, Interval


class CoverageStore:
    """Hours by their start. Blocking, as the database under it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, hour: Interval, oldest_s: int) -> bool:
        """Keep *hour* as it now is; forget what began before *oldest_s*. True, where it returns at all.

        Raises:
            StoreError: it is not on disk.
        """
        body = json.dumps({"seconds": hour.seconds, "counts": hour.counts}, separators=(",", ":"))

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO coverage VALUES (?, ?)", (hour.start_s, body))
            connection.execute("DELETE FROM coverage WHERE start_s < ?", (oldest_s,))

        self._database.run(write)
        return True

    def hours(self, limit: int) -> list[Interval]:
        """The youngest hours, the oldest of them first; rows that cannot be read are left out.

        Raises:
            StoreError: the file cannot be read.
        """
        query = "SELECT start_s, body FROM coverage ORDER BY start_s DESC LIMIT ?"
        rows = self._database.run(lambda connection: connection.execute(query, (limit,)).fetchall())
        found = (_read(start_s, body) for start_s, body in reversed(rows))
        return [hour for hour in found if hour is not None]


def _read(start_s: int, body: str) -> Interval | None:
    try:
        row = json.loads(body)
        return Interval(start_s=start_s, seconds=int(row["seconds"]), counts=_counts(row["counts"]))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _counts(found: Mapping[str, Mapping[str, Any]]) -> Counts:
    return {str(part): {str(label): int(n) for label, n in labels.items()} for part, labels in found.items()}
