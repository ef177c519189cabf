from __future__ import annotations

from egret.telemetry.table import BY_NAME
from egret.telemetry.worker_counters import WORKER_COUNTERS


def test_each_is_a_metric_of_its_own() -> None:
    assert set(WORKER_COUNTERS.values()) <= BY_NAME.keys()
    assert len(set(WORKER_COUNTERS.values())) == len(WORKER_COUNTERS)
