"""Who used which service, as the kept incidents tell it: what "first seen here" and "rare" go by after a restart."""

from __future__ import annotations

from egret.judge.history import Use
from egret.store.database import Database

MAX_READ = 20_000  # newest incidents: a fraction of a second to read
_QUERY = """
SELECT signature, coalesce(json_extract(body, '$.client_key'), 'ip:' || client), max(last_ns)
FROM (SELECT signature, client, body, last_ns FROM incidents WHERE json_valid(body) ORDER BY last_ns DESC LIMIT ?)
GROUP BY 1, 2
"""  # an incident of before clients had keys has none


def uses(database: Database, limit: int = MAX_READ) -> list[Use]:
    """Every client and service of the newest *limit* incidents, with the last time.

    Raises:
        StoreError: the file cannot be read.
    """
    rows = database.run(lambda connection: connection.execute(_QUERY, (limit,)).fetchall())
    return [Use(signature, str(client), last_ns) for signature, client, last_ns in rows]
