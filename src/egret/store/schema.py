"""The tables, version by version.

A row's ``body`` is the JSON form of ``egret.alerts.codec``; the columns beside it are what queries need.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (  # 1
        """
        CREATE TABLE incidents (
            id TEXT PRIMARY KEY,
            client TEXT NOT NULL,
            signature TEXT NOT NULL,
            severity INTEGER NOT NULL,
            first_ns INTEGER NOT NULL,
            last_ns INTEGER NOT NULL,
            closed_ns INTEGER,
            body TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX incidents_client ON incidents (client)",
        "CREATE INDEX incidents_last ON incidents (last_ns)",
        "CREATE INDEX incidents_open ON incidents (last_ns) WHERE closed_ns IS NULL",
        """
        CREATE TABLE alerts (
            id TEXT PRIMARY KEY,
            incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
            sequence INTEGER NOT NULL,
            time_ns INTEGER NOT NULL,
            severity INTEGER NOT NULL,
            body TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX alerts_incident ON alerts (incident, sequence)",
        """
        CREATE TABLE outbox (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            sink TEXT NOT NULL,
            alert TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
            state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'dead')),
            detail TEXT NOT NULL DEFAULT '',
            UNIQUE (sink, alert)
        ) STRICT
        """,
        "CREATE INDEX outbox_alert ON outbox (alert)",
    ),
    (  # 2: what clients were told that the addresses of flagged names are; a restart must not forget it
        """
        CREATE TABLE learnt (
            client TEXT NOT NULL,
            address TEXT NOT NULL,
            name TEXT NOT NULL,
            until_ns INTEGER NOT NULL,
            PRIMARY KEY (client, address)
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (  # 3: who looked at the history of a client; looking again within the hour is the same row
        """
        CREATE TABLE access (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            first_ns INTEGER NOT NULL,
            last_ns INTEGER NOT NULL,
            times INTEGER NOT NULL,
            who TEXT NOT NULL,
            what TEXT NOT NULL,
            client TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX access_last ON access (last_ns)",
    ),
    (  # 4: the coverage ledger; counts by hour
        "CREATE TABLE coverage (start_s INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
    ),
    (  # 5: digests go through the outbox too, and have no incident; children are moved before what they refer to
        """
        CREATE TABLE alerts_5 (
            id TEXT PRIMARY KEY,
            incident TEXT REFERENCES incidents (id) ON DELETE CASCADE,
            sequence INTEGER NOT NULL,
            time_ns INTEGER NOT NULL,
            severity INTEGER NOT NULL,
            body TEXT NOT NULL
        ) STRICT
        """,
        "INSERT INTO alerts_5 SELECT id, incident, sequence, time_ns, severity, body FROM alerts",
        """
        CREATE TABLE outbox_5 (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            sink TEXT NOT NULL,
            alert TEXT NOT NULL REFERENCES alerts_5 (id) ON DELETE CASCADE,
            state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'dead')),
            detail TEXT NOT NULL DEFAULT '',
            UNIQUE (sink, alert)
        ) STRICT
        """,
        "INSERT INTO outbox_5 SELECT position, sink, alert, state, detail FROM outbox",
        "DROP TABLE outbox",
        "DROP TABLE alerts",
        "ALTER TABLE alerts_5 RENAME TO alerts",
        "ALTER TABLE outbox_5 RENAME TO outbox",
        "CREATE INDEX alerts_incident ON alerts (incident, sequence)",
        "CREATE INDEX outbox_alert ON outbox (alert)",
        # which days had their digest, also where none was sent; and what only counts tell, by the hour
        "CREATE TABLE digests (day TEXT PRIMARY KEY, made_ns INTEGER NOT NULL) STRICT",
        "CREATE TABLE tallies (start_s INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
    ),
)
VERSION = len(MIGRATIONS)
