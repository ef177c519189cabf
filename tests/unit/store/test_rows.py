from __future__ import annotations

import json

from egret.alerts.codec import alert_to_dict, incident_to_dict
from egret.store.rows import Rows, int64
from egret.value import replace
from tests.support.alerts import START_NS, opened


def test_columns_are_what_queries_need() -> None:
    alert = opened()
    incident = alert.incident
    assert Rows().incident(incident)[:7] == (
        incident.id,
        "192.0.2.7",
        "example.chat",
        incident.severity.rank,
        START_NS,
        START_NS,
        None,
    )
    assert Rows().incident(replace(incident, closed_ns=START_NS + 1))[6] == START_NS + 1
    assert Rows().alert(alert)[:5] == (alert.id, incident.id, 1, START_NS, alert.severity.rank)


def test_an_incident_is_spelt_once_and_all_is_as_if_it_were_spelt_each_time() -> None:
    rows, alert = Rows(), opened()
    later = replace(alert, incident=replace(alert.incident, detections=9, told=(1, 2)))
    spelt = [(rows.incident(each.incident)[7], rows.alert(each)[5]) for each in (alert, later)]
    assert spelt == [
        (
            json.dumps({**incident_to_dict(each.incident), "told": each.incident.told}, separators=(",", ":")),
            json.dumps(alert_to_dict(each), separators=(",", ":")),
        )
        for each in (alert, later)
    ]
    assert len(rows._texts) == 2


def test_times_that_sqlite_cannot_hold_are_cut() -> None:
    assert (int64(2**70), int64(-(2**70)), int64(5)) == (2**63 - 1, 1 - 2**63, 5)
