"""Everything about one client, deleted from the file, its log and memory.

``secure_delete`` overwrites what is deleted; the log is written back and emptied, or a copy would stay in it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from egret.alerts.codec import incident_from_dict
from egret.alerts.model import Incident
from egret.alerts.whose import Whose
from egret.store.access import AccessLog
from egret.store.digests import DigestStore
from egret.store.incidents import IncidentStore

_PAGE = 500  # rows read at a time: alerts never wait long for a purge


class Removed(NamedTuple):
    """What was deleted."""

    incidents: int = 0
    alerts: int = 0
    learnt: int = 0  # addresses that the client was told for flagged names
    looks: int = 0  # of the access log: kept, without the client
    digests: int = 0  # that named the client: they can be made anew without it
    ids: tuple[str, ...] = ()  # of the incidents: what else there is of them is for others to delete

    def counts(self) -> dict[str, int]:
        """How much of what."""
        return {name: value for name, value in self._asdict().items() if name != "ids"}


def purge(store: IncidentStore, whose: Whose) -> Removed:
    """Delete all that is *whose*; it learns the addresses of what is found.

    Raises:
        StoreError: some may be left, or traces in the log: call again.
    """
    store.forget_pending(whose.incident)
    while _learn(store, whose):
        pass  # each round may know the client by one more key
    ids = [identity for identity, _ in _theirs(store, whose)]
    alerts = 0
    digests = DigestStore(store.database).forget(whose.digest)
    for at in range(0, len(ids), _PAGE):
        alerts += store.database.run(partial(_delete, ids=ids[at : at + _PAGE]))
    learnt = store.forget_learnt(whose.any_address)
    access = AccessLog(store.database)
    looks = access.forget(frozenset(client for client in access.clients() if whose.any_address(client)))
    store.wipe()
    return Removed(len(ids), alerts, learnt, looks, digests, tuple(ids))


def _learn(store: IncidentStore, whose: Whose) -> bool:
    """Whether there was news of the client in any of its incidents: all are read."""
    return sum(whose.learn(incident) for _, incident in _theirs(store, whose) if incident) > 0


def _theirs(store: IncidentStore, whose: Whose) -> Iterator[tuple[str, Incident | None]]:
    """The ids of their incidents, and the incidents where they can be read."""
    last: int | None = 0
    while last is not None:
        rows = store.database.run(partial(_page, after=last))
        for _, identity, client, body in rows:
            incident = _incident(body)
            if whose.address(client) if incident is None else whose.incident(incident):
                yield identity, incident
        last = rows[-1][0] if len(rows) == _PAGE else None


def _page(connection: sqlite3.Connection, after: int) -> list[tuple[int, str, str, str]]:
    query = "SELECT rowid, id, client, body FROM incidents WHERE rowid > ? ORDER BY rowid LIMIT ?"
    return connection.execute(query, (after, _PAGE)).fetchall()


def _incident(body: str) -> Incident | None:
    try:
        return incident_from_dict(json.loads(body))
    except ValueError:
        return None


def _delete(connection: sqlite3.Connection, ids: list[str]) -> int:
    """Delete incidents with their alerts and places in outboxes; how many alerts."""
    marks = ", ".join("?" * len(ids))
    count = f"SELECT count(*) FROM alerts WHERE incident IN ({marks})"  # noqa: S608 - question marks only
    alerts = int(connection.execute(count, ids).fetchone()[0])
    connection.execute(f"DELETE FROM incidents WHERE id IN ({marks})", ids)  # noqa: S608 - as above
    return alerts
