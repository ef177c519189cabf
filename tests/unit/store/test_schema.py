from __future__ import annotations

import sqlite3

from egret.store.schema import MIGRATIONS, VERSION


def test_every_migration_runs_in_order() -> None:
    connection = sqlite3.connect(":memory:")
    for statements in MIGRATIONS:
        for statement in statements:
            connection.execute(statement)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert {"incidents", "alerts", "outbox"} <= tables
    assert len(MIGRATIONS) == VERSION


def test_a_store_of_before_digests_keeps_its_alerts_and_what_waits() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    _run(connection, MIGRATIONS[:4])
    connection.execute("INSERT INTO incidents VALUES ('i', 'c', 's', 1, 1, 1, NULL, '{}')")
    connection.execute("INSERT INTO alerts VALUES ('a', 'i', 1, 1, 1, '{}'), ('b', 'i', 2, 2, 1, '{}')")
    connection.execute("INSERT INTO outbox VALUES (7, 'soc', 'b', 'dead', 'no'), (3, 'soc', 'a', 'waiting', '')")
    _run(connection, MIGRATIONS[4:])
    assert connection.execute("SELECT id, incident FROM alerts").fetchall() == [("a", "i"), ("b", "i")]
    assert connection.execute("SELECT * FROM outbox ORDER BY position").fetchall() == [
        (3, "soc", "a", "waiting", ""), (7, "soc", "b", "dead", "no"),
    ]  # fmt: skip
    connection.execute("INSERT INTO alerts VALUES ('d', NULL, 0, 1, 0, '{}')")
    connection.execute("INSERT INTO outbox (sink, alert) VALUES ('soc', 'd')")
    assert connection.execute("SELECT max(position) FROM outbox").fetchone() == (8,)
    connection.execute("DELETE FROM incidents")
    assert connection.execute("SELECT alert FROM outbox").fetchall() == [("d",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def _run(connection: sqlite3.Connection, migrations: tuple[tuple[str, ...], ...]) -> None:
    for statements in migrations:
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
