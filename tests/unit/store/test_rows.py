from __future__ import annotations

from dataclasses import replace

from egret.store.rows import alert_row, incident_row, int64
from tests.support.alerts import START_NS, opened


def test_columns_are_what_queries_need() -> None:
    alert = opened()
    incident = alert.incident
    assert incident_row(incident)[:7] == (
        incident.id,
        "192.0.2.7",
        "example.chat",
        incident.severity.rank,
        START_NS,
        START_NS,
        None,
    )
    assert incident_row(replace(incident, closed_ns=START_NS + 1))[6] == START_NS + 1
    assert alert_row(alert)[:5] == (alert.id, incident.id, 1, START_NS, alert.severity.rank)


def test_times_that_sqlite_cannot_hold_are_cut() -> None:
    assert (int64(2**70), int64(-(2**70)), int64(5)) == (2**63 - 1, 1 - 2**63, 5)
