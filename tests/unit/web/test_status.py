from __future__ import annotations

from egret.model import NamedBy, Nameless
from egret.telemetry import Telemetry
from egret.telemetry.table import DropStage, Outcome
from egret.web.status import coverage, deliveries, hints, loss
from tests.support.webview import telemetry


def test_coverage() -> None:
    covered = coverage(telemetry())
    assert covered.connections == 5245
    assert covered.by_name[NamedBy.HELLO] == 5022
    assert covered.nameless[Nameless.NO_SNI] == 100
    assert covered.share == 1 - 133 / 5245
    assert coverage(Telemetry("0")).share is None


def test_loss() -> None:
    made = telemetry()
    assert not loss(made).any
    made.packets_dropped("lan0", DropStage.QUEUE, 3)
    assert loss(made).dropped[DropStage.QUEUE] == 3
    assert loss(made).any
    other = telemetry()
    other.messages_dropped(1)
    assert loss(other).any


def test_deliveries() -> None:
    assert deliveries(telemetry(), "terminal")[Outcome.DELIVERED] == 31


def test_encrypted_resolvers_are_a_hint() -> None:
    made = Telemetry("0")
    made.resolvers(["Example DNS"])
    assert hints(made) == []
    made.apply_worker_counts([(("encrypted_dns", "Example DNS"), 2)])
    assert ["encrypted resolvers" in hint for hint in hints(made)] == [True]


def test_hints() -> None:
    made = telemetry()
    assert ["Few look-ups" in hint for hint in hints(made)] == [True]
    made.apply_worker_counts([(("names", "dns", "query"), 100_000)])
    assert hints(made) == []
    made._add("egret_detections_total", 1, "Alibaba", "AliDNS", "resolver", "resolver", "low")
    assert "PRC resolvers" in hints(made)[0]
