from __future__ import annotations

from prometheus_client.samples import Sample

from egret.telemetry import Telemetry
from egret.telemetry.account import account
from egret.telemetry.table import Outcome, Suppressed


def samples(telemetry: Telemetry) -> list[Sample]:
    return [sample for family in telemetry.registry.collect() for sample in family.samples]


def test_an_account_balances_and_says_what_nothing_explains() -> None:
    telemetry = Telemetry("test")
    telemetry.sinks(["soc", "file"])
    telemetry.offered("soc", 10)
    for outcome, number in ((Outcome.DELIVERED, 4), (Outcome.REJECTED, 2), (Outcome.FAILED, 99), (Outcome.KEPT, 1)):
        telemetry.delivery("soc", outcome, number)
    telemetry.queue_length("soc", 3)
    telemetry.offered("file", 2)
    telemetry.folded()
    telemetry.suppressed(Suppressed.ERROR)
    detections, file, soc = account(samples(telemetry))
    assert (detections.came, detections.missing) == (0, -2)
    assert str(soc) == "soc: 10 = 4 delivered + 2 rejected + 1 kept + 3 waiting (balances)"
    assert str(file) == "file: 2 = 0 (2 UNEXPLAINED)"


def test_nothing_is_an_account_too() -> None:
    [detections] = account([])
    assert str(detections) == "detections: 0 = 0 (balances)"
