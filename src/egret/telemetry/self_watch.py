"""What Egret says about itself: the canary, and problems of the sensor."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from egret.alerts.sensor import Probe, Problem, SensorAlert, Turn
from egret.telemetry.deliveries import Deliveries
from egret.telemetry.table import Login, Outcome

_OUTCOMES = (Outcome.DELIVERED, Outcome.FAILED, Outcome.REJECTED, Outcome.DROPPED)


class SelfWatch(Deliveries):
    """The part of ``Telemetry`` that is about the sensor itself."""

    def sinks(self, names: Iterable[str]) -> None:
        """Announce the outputs."""
        outputs = tuple(names)
        super().sinks(outputs)
        for name in outputs:
            self._announce("egret_sensor_deliveries_total", [(name, outcome.value) for outcome in _OUTCOMES])

    def canary_sent(self, probe: Probe) -> None:
        """A probe went out."""
        self._add("egret_canary_sent_total", 1, probe.value)

    def canary_heard(self, time_s: float, took_s: float) -> None:
        """It went the whole way in *took_s*."""
        self._set("egret_canary_last_seen_timestamp_seconds", time_s)
        self._set("egret_canary_latency_seconds", took_s)

    def canary_missed(self, probe: Probe, why: str) -> None:
        """It did not."""
        self._add("egret_canary_missed_total", 1, probe.value)
        self.log.repeated(logging.ERROR, "canary_missed", probe.value, probe=probe, why=why)

    def sensor_alert(self, alert: SensorAlert) -> None:
        """A problem of the sensor began, goes on or ended."""
        finding = alert.finding
        self._add("egret_sensor_alerts_total", 1, finding.problem.value, alert.turn.value)
        level = logging.INFO if alert.turn is Turn.RECOVERED else logging.WARNING
        event = f"sensor_{alert.turn.value}"
        self.log.event(level, event, problem=finding.problem, subject=finding.subject, why=finding.text)

    def sensor_problems(self, standing: Mapping[Problem, int]) -> None:
        """How many stand now; a problem left out does not."""
        for problem in Problem:
            self._set("egret_sensor_problems", standing.get(problem, 0), problem.value)

    def sensor_delivery(self, sink: str, outcome: Outcome, why: str = "") -> None:
        """What became of such an alert, or of an attempt, for an announced output."""
        self._add("egret_sensor_deliveries_total", 1, sink, outcome.value)
        if outcome is not Outcome.DELIVERED:
            self.log.repeated(logging.WARNING, f"sensor_delivery_{outcome.value}", sink, sink=sink, why=why)

    def login(self, outcome: Login, remote: str, user: str) -> None:
        """Somebody at *remote* tried to log in on the page as *user*, "" for nobody that is known."""
        self._add("egret_logins_total", 1, outcome.value)
        if outcome is Login.ACCEPTED:
            self.log.event(logging.INFO, "login", user=user, remote=remote)
        else:
            self.log.repeated(logging.WARNING, "login_refused", outcome.value, why=outcome, user=user, remote=remote)

    def certificate(self, until_s: float) -> None:
        """The page is served with a certificate that holds *until_s*."""
        self._set("egret_certificate_expiry_timestamp_seconds", until_s)

    def certificate_kept(self, why: str) -> None:
        """The files of the page's certificate changed and cannot be used."""
        self.log.repeated(logging.ERROR, "certificate_kept", why=f"{why}; the old one stays in use")
