from __future__ import annotations

from pathlib import Path

import pytest

from egret.telemetry import Telemetry


def test_what_becomes_of_the_store_is_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    telemetry = Telemetry("test")
    telemetry.store_failed("full")
    telemetry.store_waiting(3)
    assert (telemetry.value("egret_store_errors_total"), telemetry.value("egret_store_healthy")) == (1, 0)
    assert telemetry.value("egret_store_waiting") == 3
    telemetry.store_healthy()
    assert telemetry.value("egret_store_healthy") == 1
    telemetry.store_set_aside(Path("/x/i.db.1.corrupt"), {"alerts": 7}, 2)
    telemetry.store_set_aside(Path("/x/i.db.2.corrupt-wal"), {}, 2)
    assert telemetry.value("egret_store_set_aside_total") == 2
    for total in (2, 2, 5):
        telemetry.unreadable(total)
    assert telemetry.value("egret_store_unreadable_total") == 5
    assert [record.getMessage() for record in caplog.records] == [
        "store_failed",
        "store_moved_aside",
        "store_moved_aside",
        "store_rows_unreadable",
    ]
    assert caplog.records[1].__dict__["fields"]["alerts_saved"] == 7
    assert "log was damaged" in caplog.records[2].__dict__["fields"]["why"]
