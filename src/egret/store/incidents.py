"""Incidents and their alerts on disk: what a restart continues and the history shows.

Only flagged incidents ever come here. What could not be written waits in memory, bounded, and goes with
the next call that succeeds; so a full disk loses the history only if Egret stops before it ends.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from egret.alerts.codec import alert_from_dict, incident_from_dict
from egret.alerts.messages import Message, message_from_json
from egret.alerts.model import Alert, Incident
from egret.alerts.veil import CLEAR, Veil
from egret.errors import StoreError
from egret.names import address_text
from egret.store import outbox
from egret.store.database import Database
from egret.store.rows import INSERT_INCIDENT, Rows, int64
from egret.store.salvage import Salvaged
from egret.track.answers import Learnt

_Result = TypeVar("_Result")
MAX_PENDING = 10_000  # incidents, alerts and outcomes that wait for the disk, each
_PURGE_BATCH = 500  # rows a transaction: readers and alerts never wait long for a purge
_SHRINK_PAGES = 1_000


class IncidentStore:
    """The store. Blocking and thread-safe (see ``database``); nothing is opened before the first call."""

    def __init__(self, path: Path, veil: Veil = CLEAR) -> None:
        self._database = Database(path)
        self._veil = veil  # incidents come through it already; addresses of clients get it here
        self._lock = threading.Lock()
        self._pending_incidents: dict[str, Incident] = {}
        self._pending_alerts: dict[str, tuple[Alert, tuple[str, ...]]] = {}
        self._pending_settled: dict[tuple[str, str], str | None] = {}  # sink, alert: why it is dead; None: it is done
        self.healthy = True  # whether the newest call succeeded
        self.errors = 0
        self.lost = 0  # alerts that never reached the disk: the pending bound came first
        self.unreadable = 0  # rows that are no incident or alert of ours

    @property
    def database(self) -> Database:
        """The file, for what else is kept in it (``store.access``, ``store.coverage``)."""
        return self._database

    @property
    def moved_aside(self) -> list[tuple[Path, Salvaged]]:
        """Broken files that were set aside since the start, and what could be read of them: tell the operator."""
        return self._database.moved_aside

    @property
    def pending(self) -> int:
        """Incidents, alerts and outcomes that wait for the disk."""
        return len(self._pending_incidents) + len(self._pending_alerts) + len(self._pending_settled)

    def record(
        self, incidents: Iterable[Incident] = (), alerts: Iterable[Alert] = (), sinks: Sequence[str] = ()
    ) -> None:
        """Keep incidents and alerts, and with *sinks* a place in the outbox of each, in one transaction.

        An alert's incident is kept with it. A repeated alert (same id) changes nothing.

        Raises:
            StoreError: they are not on disk yet; they wait in memory for the next call.
        """
        with self._lock:
            self._wait(incidents, alerts, tuple(sinks))
            if not self.pending:
                return
            waiting_incidents, waiting_alerts = self._pending_incidents.values(), self._pending_alerts.values()
            settled = self._pending_settled

            def write(connection: sqlite3.Connection) -> None:
                _write(connection, waiting_incidents, waiting_alerts)
                outbox.settle(connection, settled)

            self._run(write)
            self._pending_incidents, self._pending_alerts, self._pending_settled = {}, {}, {}

    def _wait(self, incidents: Iterable[Incident], alerts: Iterable[Alert], sinks: tuple[str, ...]) -> None:
        for incident in incidents:
            self._wait_incident(incident)
        for alert in alerts:
            self._wait_incident(alert.incident)
            self._pending_alerts[alert.id] = (alert, sinks)
            if len(self._pending_alerts) > MAX_PENDING:
                mildest = min(self._pending_alerts.values(), key=lambda pair: pair[0].severity.rank)  # the oldest such
                del self._pending_alerts[mildest[0].id]
                self.lost += 1

    def _wait_incident(self, incident: Incident) -> None:
        self._pending_incidents.pop(incident.id, None)
        self._pending_incidents[incident.id] = incident
        if len(self._pending_incidents) > MAX_PENDING:
            del self._pending_incidents[next(iter(self._pending_incidents))]

    def open_incidents(self) -> list[Incident]:
        """Read the incidents that were open when they were last recorded.

        Raises:
            StoreError: the file cannot be read.
        """
        return self._incidents("WHERE closed_ns IS NULL ORDER BY last_ns", ())

    def still_open(self) -> list[Incident]:
        """Write what waits, then read the open incidents: some of them may be closed by what waited.

        Raises:
            StoreError: the disk does not allow it.
        """
        self.record()
        return self.open_incidents()

    def get(self, incident_id: str) -> Incident | None:
        """Read one incident.

        Raises:
            StoreError: the file cannot be read.
        """
        found = self._incidents("WHERE id = ?", (incident_id,))
        return found[0] if found else None

    def _incidents(self, rest: str, values: Sequence[object]) -> list[Incident]:
        query = f"SELECT body FROM incidents {rest}"  # noqa: S608 - *rest* is ours, values are bound
        rows = self._run(lambda connection: connection.execute(query, values).fetchall())
        return self._readable(rows, lambda body: incident_from_dict(json.loads(body)))

    def alerts(self, incident_id: str) -> list[Alert]:
        """Read the alerts of one incident, in order.

        Raises:
            StoreError: the file cannot be read.
        """
        query = "SELECT body FROM alerts WHERE incident = ? ORDER BY sequence"
        rows = self._run(lambda connection: connection.execute(query, (incident_id,)).fetchall())
        return self._readable(rows, lambda body: alert_from_dict(json.loads(body)))

    def waiting_ids(self, sink: str, limit: int) -> list[str]:
        """Find the alerts and digests that *sink* has not acknowledged, oldest first.

        Raises:
            StoreError: the file cannot be read.
        """
        return self._run(lambda connection: outbox.waiting_ids(connection, sink, limit))

    def waiting(self, sink: str, ids: Sequence[str]) -> list[Message]:
        """Read those among *ids* that *sink* has not acknowledged, oldest first; what is damaged is a dead letter.

        Raises:
            StoreError: the file cannot be read.
        """
        rows = self._run(lambda connection: outbox.waiting(connection, sink, ids))
        found = self._readable([(body,) for _, body in rows], message_from_json)
        damaged = {identity for identity, _ in rows}.difference(message.id for message in found)
        if damaged:
            self.bury(sink, sorted(damaged), "damaged on disk: it cannot be read")
        return [alert for alert in found if (sink, alert.id) not in self._pending_settled]

    def acknowledge(self, sink: str, alert_ids: Sequence[str]) -> None:
        """Take delivered alerts out of the outbox of *sink*.

        Raises:
            StoreError: not yet; it is done with the next ``record`` that succeeds. A kill before sends them again.
        """
        self._settle(sink, alert_ids, None)

    def bury(self, sink: str, alert_ids: Sequence[str], detail: str) -> None:
        """Mark alerts that *sink* will never take as dead letters.

        Raises:
            StoreError: as ``acknowledge``.
        """
        self._settle(sink, alert_ids, detail)

    def _settle(self, sink: str, alert_ids: Sequence[str], detail: str | None) -> None:
        with self._lock:
            for alert_id in alert_ids:
                self._pending_settled[sink, alert_id] = detail
                if len(self._pending_settled) > MAX_PENDING:
                    del self._pending_settled[next(iter(self._pending_settled))]
        self.record()

    def remember(self, learnt: Iterable[Learnt]) -> None:
        """Keep these flagged names of addresses, and no others.

        Raises:
            StoreError: the earlier ones are still kept.
        """
        veiled = self._veil.address
        rows = [
            (veiled(address_text(each.client)), address_text(each.address), each.name, each.until_ns) for each in learnt
        ]

        def replace(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM learnt")
            connection.executemany("INSERT OR REPLACE INTO learnt VALUES (?, ?, ?, ?)", rows)

        self._run(replace)

    def remembered(self, now_ns: int) -> list[Learnt]:
        """The flagged names of addresses that still hold at *now_ns*, the oldest first.

        Raises:
            StoreError: the file cannot be read.
        """
        query = "SELECT client, address, name, until_ns FROM learnt WHERE until_ns > ? ORDER BY until_ns"
        rows = self._run(lambda connection: connection.execute(query, (int64(now_ns),)).fetchall())
        shown = [(self._veil.word(client), *rest) for client, *rest in rows]  # None: by a key that is not ours
        return [Learnt(ip_address(c).packed, ip_address(a).packed, name, until) for c, a, name, until in shown if c]

    def purge_before(self, time_ns: int, batches: int = 20) -> int:
        """Delete incidents whose newest detection is older than *time_ns*, with their alerts.

        Returns:
            How many were deleted: fewer than ``batches * 500`` once nothing is left.

        Raises:
            StoreError: some may have been deleted, batch by batch.
        """
        delete = "DELETE FROM incidents WHERE id IN (SELECT id FROM incidents WHERE last_ns < ? LIMIT ?)"
        total = 0
        for _ in range(batches):
            deleted = self._run(lambda connection: connection.execute(delete, (int64(time_ns), _PURGE_BATCH)).rowcount)
            total += deleted
            if deleted < _PURGE_BATCH:
                break
        if total:
            self._guarded(lambda: self._database.shrink(_SHRINK_PAGES))
        return total

    def forget_pending(self, is_theirs: Callable[[Incident], bool]) -> None:
        """Drop what waits for the disk about a client."""
        with self._lock:
            incidents, alerts = self._pending_incidents, self._pending_alerts
            self._pending_incidents = {key: each for key, each in incidents.items() if not is_theirs(each)}
            self._pending_alerts = {key: pair for key, pair in alerts.items() if not is_theirs(pair[0].incident)}

    def forget_learnt(self, is_theirs: Callable[[str], bool]) -> int:
        """Delete the flagged names of addresses that a client was told; how many.

        Raises:
            StoreError: they are still kept.
        """
        query, delete = "SELECT DISTINCT client FROM learnt", "DELETE FROM learnt WHERE client = ?"
        known = self._run(lambda connection: connection.execute(query).fetchall())
        rows = [(client,) for (client,) in known if is_theirs(client)]
        return self._run(lambda connection: connection.executemany(delete, rows).rowcount) if rows else 0

    def wipe(self) -> None:
        """Leave no trace of what was deleted in the file's log, and give its pages back.

        Raises:
            StoreError: somebody else is reading; call again.
        """
        self._guarded(lambda: self._database.shrink(_SHRINK_PAGES))
        self._guarded(self._database.checkpoint)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        return self._guarded(lambda: self._database.run(work))

    def _guarded(self, call: Callable[[], _Result]) -> _Result:
        try:
            result = call()
        except StoreError:
            self.healthy = False
            self.errors += 1
            raise
        self.healthy = True
        return result

    def _readable(self, rows: Iterable[tuple[str]], read: Callable[[str], _Result]) -> list[_Result]:
        found = []
        for (body,) in rows:
            try:
                found.append(read(body))
            except ValueError:
                self.unreadable += 1
        return found


def _write(
    connection: sqlite3.Connection, incidents: Collection[Incident], alerts: Iterable[tuple[Alert, tuple[str, ...]]]
) -> None:
    rows, written = Rows(), {incident.id for incident in incidents}
    connection.executemany(
        f"{INSERT_INCIDENT} ON CONFLICT (id) DO UPDATE SET "
        "client = excluded.client, severity = excluded.severity, first_ns = excluded.first_ns, "
        "last_ns = excluded.last_ns, closed_ns = excluded.closed_ns, body = excluded.body",
        map(rows.incident, incidents),
    )
    for alert, sinks in alerts:
        if alert.incident.id not in written:
            connection.execute(f"{INSERT_INCIDENT} ON CONFLICT DO NOTHING", rows.incident(alert.incident))
        new = connection.execute("INSERT OR IGNORE INTO alerts VALUES (?, ?, ?, ?, ?, ?)", rows.alert(alert)).rowcount
        if new:  # a repeated alert must not come back into an outbox that it has left
            places = [(sink, alert.id) for sink in sinks]
            connection.executemany("INSERT OR IGNORE INTO outbox (sink, alert) VALUES (?, ?)", places)
