from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from egret.alerts.codec import incident_to_dict
from egret.judge.history import Use
from egret.store.incidents import IncidentStore
from egret.store.uses import uses
from tests.support.alerts import CLIENT, START_NS, alerts_of, hello, opened, signature

OTHER = bytes([192, 0, 2, 8])


def test_every_client_and_service_with_the_last_time(tmp_path: Path) -> None:
    with closing(IncidentStore(tmp_path / "incidents.db")) as store:
        assert uses(store.database) == []
        seen = [
            opened(),
            opened(at_s=7200),
            opened(client=OTHER),
            alerts_of(hello(sig=signature(identity="b.chat")))[0],
        ]
        store.record(alerts=seen)
        assert set(uses(store.database)) == {
            Use("example.chat", "ip:192.0.2.7", START_NS + 7200 * 10**9),
            Use("example.chat", "ip:192.0.2.8", START_NS),
            Use("b.chat", "ip:192.0.2.7", START_NS),
        }
        assert len(uses(store.database, limit=1)) == 1


def test_incidents_of_earlier_versions_have_no_key_and_broken_rows_none_at_all(tmp_path: Path) -> None:
    body = incident_to_dict(opened().incident)
    del body["client_key"]
    with closing(IncidentStore(tmp_path / "incidents.db")) as store:
        rows = [("a", "192.0.2.7", "s", 3, 1, 5, None, json.dumps(body)), ("b", "x", "s", 3, 1, 6, None, "{")]
        insert = "INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        store.database.run(lambda connection: connection.executemany(insert, rows))
        assert uses(store.database) == [Use("s", "ip:192.0.2.7", 5)]
    assert bytes([192, 0, 2, 7]) == CLIENT
