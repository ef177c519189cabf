from __future__ import annotations

from egret.alerts.sensor import Finding, Problem, SensorAlert
from egret.daemon.watch import Watch
from egret.model import Severity
from egret.sinks.notices import Notices
from egret.telemetry import Telemetry

DOWN = Finding(problem=Problem.LINK_DOWN, subject="lan0", severity=Severity.HIGH, text="lan0 is down", advice="look")


class Offered(Notices):
    def __init__(self) -> None:
        super().__init__(lambda *_: None)
        self.turns: list[str] = []

    def offer(self, alert: SensorAlert) -> None:
        self.turns.append(alert.turn.value)


def test_a_problem_is_counted_and_told_and_so_is_its_end() -> None:
    telemetry, offered = Telemetry("test"), Offered()
    watch = Watch(offered, telemetry, lambda: 7)
    watch.bad(DOWN)
    watch.bad(DOWN)
    assert [each.finding for each in watch.standing] == [DOWN]
    assert telemetry.value("egret_sensor_problems", "link_down") == 1
    watch.good(Problem.LINK_DOWN, "lan0")
    watch.good(Problem.LINK_DOWN, "lan0")
    assert offered.turns == ["raised", "recovered"]
    assert telemetry.value("egret_sensor_problems", "link_down") == 0
    assert telemetry.value("egret_sensor_alerts_total", "link_down", "recovered") == 1
