"""Who still has to get which alert: the spool, and the dead letters in it.

A delivered alert has no row; one that waits, or is dead, has one for each output. What was refused can be put back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from egret.names import printable
from egret.store.database import Database

_PAGE = 500  # ids in one statement
_MAX_DETAIL = 500  # characters that a receiver's answer may take


class State(StrEnum):
    """Where an alert stands with an output."""

    WAITING = "waiting"
    DEAD = "dead"


class Place(NamedTuple):
    """One alert in the outbox of one output."""

    sink: str
    state: State
    detail: str  # of a dead letter: why; it may hold what a receiver answered


class Kept(NamedTuple):
    """One alert on record."""

    id: str
    time_ns: int
    body: str  # JSON, as ``alerts.codec`` writes it
    places: tuple[Place, ...]  # outputs that do not have it


class Choice(NamedTuple):
    """Which alerts are meant; all of it must hold."""

    sink: str | None = None  # only what this output does not have
    state: State | None = None  # only what waits, or is dead, somewhere
    since_ns: int | None = None
    ids: tuple[str, ...] = ()  # of alerts, or of incidents: all of theirs

    def terms(self) -> tuple[str, list[object]]:
        """A WHERE clause over ``alerts`` and its values."""
        terms: list[str] = []
        values: list[object] = []
        if self.since_ns is not None:
            terms.append("time_ns >= ?")
            values.append(self.since_ns)
        if self.ids:
            marks = ", ".join("?" * len(self.ids))
            terms.append(f"(id IN ({marks}) OR incident IN ({marks}))")
            values += [*self.ids, *self.ids]
        if self.sink is not None or self.state is not None:
            inner, more = self.place_terms()
            terms.append(f"id IN (SELECT alert FROM outbox WHERE {inner})")  # noqa: S608 - *inner* is ours, values are bound
            values += more
        return " AND ".join(terms) or "1", values

    def place_terms(self) -> tuple[str, list[object]]:
        """A WHERE clause over ``outbox`` and its values."""
        pairs = [("sink = ?", self.sink), ("state = ?", self.state)]
        given = [(term, value) for term, value in pairs if value is not None]
        return " AND ".join(term for term, _ in given) or "1", [value for _, value in given]


def waiting_ids(connection: sqlite3.Connection, sink: str, limit: int) -> list[str]:
    """The ids of what *sink* has not acknowledged, oldest first."""
    query = "SELECT alert FROM outbox WHERE sink = ? AND state = 'waiting' ORDER BY position LIMIT ?"
    return [row[0] for row in connection.execute(query, (sink, limit))]


def waiting(connection: sqlite3.Connection, sink: str, ids: Sequence[str]) -> list[tuple[str, str]]:
    """The ids and bodies of those among *ids*, a page, that *sink* has not acknowledged, oldest first."""
    query = (
        "SELECT alerts.id, alerts.body FROM outbox JOIN alerts ON alerts.id = outbox.alert "  # noqa: S608 - question marks only
        f"WHERE alert IN ({', '.join('?' * len(ids))}) AND sink = ? AND state = 'waiting' ORDER BY position"
    )
    return connection.execute(query, (*ids, sink)).fetchall()


def settle(connection: sqlite3.Connection, settled: Mapping[tuple[str, str], str | None]) -> None:
    """Free the places of delivered alerts; mark those with a text as dead for that reason."""
    done = [place for place, detail in settled.items() if detail is None]
    dead = [(printable(detail)[:_MAX_DETAIL], *place) for place, detail in settled.items() if detail is not None]
    connection.executemany("DELETE FROM outbox WHERE sink = ? AND alert = ?", done)
    connection.executemany("UPDATE outbox SET state = 'dead', detail = ? WHERE sink = ? AND alert = ?", dead)


def find(database: Database, choice: Choice, limit: int = 100) -> list[Kept]:
    """The alerts that are meant, the newest first.

    Raises:
        StoreError: the file cannot be read.
    """
    return database.run(lambda connection: _find(connection, choice, limit))


def _find(connection: sqlite3.Connection, choice: Choice, limit: int) -> list[Kept]:
    where, values = choice.terms()
    query = f"SELECT id, time_ns, body FROM alerts WHERE {where} ORDER BY time_ns DESC, id DESC LIMIT ?"  # noqa: S608 - *where* is ours, values are bound
    rows = connection.execute(query, (*values, limit)).fetchall()
    places = _places(connection, [row[0] for row in rows])
    return [Kept(identity, time_ns, body, tuple(places.get(identity, ()))) for identity, time_ns, body in rows]


def _places(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for at in range(0, len(ids), _PAGE):
        part = ids[at : at + _PAGE]
        marks = ", ".join("?" * len(part))
        query = f"SELECT alert, sink, state, detail FROM outbox WHERE alert IN ({marks}) ORDER BY sink"  # noqa: S608 - question marks only
        for alert, sink, state, detail in connection.execute(query, part):
            found.setdefault(alert, []).append(Place(sink, State(state), detail))
    return found


def revive(database: Database, choice: Choice) -> int:
    """Let dead letters wait again; how many.

    Raises:
        StoreError: they are still dead.
    """
    inner, more = choice._replace(state=State.DEAD).place_terms()
    where, values = choice._replace(state=None, sink=None).terms()
    chosen = f"{inner} AND alert IN (SELECT id FROM alerts WHERE {where})"  # noqa: S608 - clauses are ours, values are bound
    update = f"UPDATE outbox SET state = 'waiting', detail = '' WHERE {chosen}"  # noqa: S608 - as above
    return database.run(lambda connection: connection.execute(update, (*more, *values)).rowcount)


def queue_again(database: Database, sinks: Collection[str], choice: Choice) -> int:
    """Let alerts wait for *sinks*, whether those had them before or not; how many places.

    Raises:
        StoreError: nothing was queued.
    """

    def work(connection: sqlite3.Connection) -> int:
        where, values = choice._replace(sink=None, state=None).terms()
        insert = (
            f"INSERT INTO outbox (sink, alert) SELECT ?, id FROM alerts WHERE {where} ORDER BY time_ns "  # noqa: S608 - as above
            "ON CONFLICT (sink, alert) DO UPDATE SET state = 'waiting', detail = ''"
        )
        return sum(connection.execute(insert, (sink, *values)).rowcount for sink in sinks)

    return database.run(work)


def counts(database: Database) -> dict[tuple[str, State], int]:
    """How many alerts wait, or are dead, by output; also for outputs that are no longer configured.

    Raises:
        StoreError: the file cannot be read.
    """
    query = "SELECT sink, state, count(*) FROM outbox GROUP BY sink, state"
    rows = database.run(lambda connection: connection.execute(query).fetchall())
    return {(sink, State(state)): number for sink, state, number in rows}


def trim_dead(database: Database, limit: int) -> dict[str, int]:
    """Delete dead letters beyond *limit* an output, the oldest of the lowest severity first; how many of each.

    Raises:
        StoreError: some may have been deleted.
    """
    over = {sink: number - limit for (sink, state), number in counts(database).items() if state is State.DEAD}
    delete = (
        "DELETE FROM outbox WHERE position IN (SELECT position FROM outbox JOIN alerts ON alerts.id = outbox.alert "
        "WHERE sink = ? AND state = 'dead' ORDER BY severity, position LIMIT ?)"
    )
    gone: dict[str, int] = {}
    for sink, number in over.items():
        if number > 0:
            gone[sink] = database.run(partial(_delete, delete, (sink, number)))
    return gone


def _delete(statement: str, values: tuple[str, int], connection: sqlite3.Connection) -> int:
    return connection.execute(statement, values).rowcount
