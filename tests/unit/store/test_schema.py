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
