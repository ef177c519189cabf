from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from egret.alerts.sensor import Board, Finding, Problem, SensorAlert, Standing
from egret.daemon.checks import Checks
from egret.model import Severity
from egret.settings.watch_section import WatchSettings
from egret.telemetry import Telemetry
from egret.telemetry.table import DropStage

SECOND_NS = 1_000_000_000
START_S = 1_767_225_600


class Room:
    """Checks on a telemetry that a test moves, five seconds a look."""

    def __init__(self, settings: WatchSettings | None = None) -> None:
        self.telemetry = Telemetry("test")
        self.telemetry.watch(["lan0"])
        self.telemetry.sinks(["soc"])
        self.telemetry.config_loaded(START_S)
        self.telemetry.link("lan0", received=0, dropped=0, up=True)
        self.board = Board()
        self.said: list[tuple[str, str, str]] = []
        self.now_s = START_S
        self.checks = Checks(settings or WatchSettings(), ["lan0"], self.telemetry, self)

    @property
    def standing(self) -> list[Standing]:
        return self.board.standing

    def bad(self, finding: Finding) -> None:
        self._note(self.board.bad(finding, self.now_s * SECOND_NS))

    def good(self, problem: Problem, subject: str = "", after_ns: int = 0) -> None:
        self._note(self.board.good(problem, subject, self.now_s * SECOND_NS, after_ns))

    def _note(self, alert: SensorAlert | None) -> None:
        if alert is not None:
            self.said.append((alert.finding.problem.value, alert.finding.subject, alert.turn.value))

    def seconds(self, number: int, *, received: int = 100, lost: int = 0) -> list[tuple[str, str, str]]:
        """Let time pass; *received* and *lost* packets every five seconds. What was said meanwhile."""
        before = len(self.said)
        for _ in range(0, number, 5):
            self.now_s += 5
            if received or lost:
                self.telemetry.link("lan0", received=received, dropped=lost, up=True)
            self.checks.tick(self.now_s * SECOND_NS)
        return self.said[before:]


def test_a_healthy_sensor_has_nothing_to_say() -> None:
    assert Room().seconds(7200) == []


def test_it_looks_every_five_seconds_only() -> None:
    room = Room()
    room.seconds(5)
    room.telemetry.worker_restarted("exit code 1")
    room.checks.tick(room.now_s * SECOND_NS + 1)
    assert room.said == []


def test_a_link_that_is_down_and_up_again() -> None:
    room = Room()
    room.seconds(60)
    room.telemetry.link("lan0", received=0, dropped=0, up=False)
    assert room.seconds(30, received=0) == []
    assert room.seconds(10, received=0) == [("link_down", "lan0", "raised")]
    assert room.seconds(3600, received=0) == []  # and it is not silent as well
    assert room.seconds(10) == [("link_down", "lan0", "recovered")]


def test_a_busy_link_that_falls_silent() -> None:
    room = Room()
    room.seconds(3600)
    assert room.seconds(595, received=0) == []
    assert room.seconds(60, received=0) == [("link_silent", "lan0", "raised")]
    assert "has given nothing for 10 min" in room.standing[0].finding.text
    assert room.seconds(10) == [("link_silent", "lan0", "recovered")]


def test_loss_above_the_threshold_is_one_alert_however_long_it_lasts() -> None:
    room = Room()
    assert room.seconds(300, received=990, lost=5) == []
    assert room.seconds(600, received=980, lost=20) == [("packets_lost", "lan0", "raised")]
    assert room.standing[0].finding.text == "lan0 lost 2.0 % of a minute's packets"
    for _ in range(10):
        assert room.seconds(120, received=980, lost=20) + room.seconds(120) == []
    assert room.seconds(600) == [("packets_lost", "lan0", "recovered")]


def test_a_handful_of_packets_is_no_loss() -> None:
    room = Room()
    room.seconds(60, received=1)
    room.telemetry.packets_dropped("lan0", DropStage.QUEUE, 9)
    assert room.seconds(120, received=1) == []


def test_a_worker_that_dies_once_and_one_that_keeps_dying() -> None:
    room = Room()
    room.seconds(60)
    room.telemetry.worker_restarted("killed by signal 9")
    assert room.seconds(10) == [("worker_died", "", "raised")]
    assert room.seconds(400) == [("worker_died", "", "recovered")]
    for _ in range(2):
        room.telemetry.worker_restarted("exit code 1")
        room.seconds(10)
    assert ("worker_restarts", "", "raised") in room.said
    assert "died 3 times" in next(e for e in room.standing if e.finding.problem is Problem.WORKER_RESTARTS).finding.text
    room.seconds(1000)
    assert ("worker_restarts", "", "recovered") in room.said
    assert room.standing == []


def test_an_output_that_is_given_up_for_the_time_being() -> None:
    room = Room()
    room.seconds(60)
    room.telemetry.circuit("soc", "open")
    assert room.seconds(55) == []
    assert room.seconds(30) == [("output_failing", "soc", "raised")]
    assert room.standing[0].finding.severity is Severity.HIGH
    room.telemetry.circuit("soc", "closed")
    assert room.seconds(5) == [("output_failing", "soc", "recovered")]


def test_a_store_that_was_damaged() -> None:
    room = Room()
    room.telemetry.store_set_aside(Path("i.db.1.corrupt"), {}, 1)
    assert room.seconds(3600) == [("store_damaged", "", "raised")]
    room.now_s += 86_400
    assert ("store_damaged", "", "recovered") in room.seconds(10)


def test_a_store_that_takes_no_write() -> None:
    room = Room()
    room.telemetry.store_failed("disk full")
    assert room.seconds(40) == [("store_failed", "", "raised")]
    room.telemetry.store_healthy()
    assert room.seconds(5) == [("store_failed", "", "recovered")]


def test_a_reload_that_was_refused() -> None:
    from egret.telemetry.table import Trigger

    room = Room()
    room.telemetry.reloaded(Trigger.COMMAND, applied=False, why="no")
    assert room.seconds(10) == [("reload_refused", "", "raised")]
    room.telemetry.config_loaded(START_S)
    assert room.seconds(5) == [("reload_refused", "", "recovered")]


def test_old_knowledge() -> None:
    room = Room(WatchSettings(database_age=timedelta(days=30)))
    room.telemetry.geoip([("a", START_S - 86_400 * 31), ("b", START_S - 86_400 * 29)])
    assert room.seconds(5) == [("database_old", "a", "raised")]
    room.telemetry.geoip([("b", START_S - 86_400 * 29)])  # a reload took it away
    assert room.seconds(5) == [("database_old", "a", "recovered")]
    room.telemetry._set("egret_catalog_last_reviewed_timestamp_seconds", START_S - 86_400 * 181)
    assert room.seconds(5) == [("catalogue_old", "", "raised")]


def test_it_can_be_switched_off() -> None:
    room = Room(WatchSettings(enabled=False))
    room.telemetry.store_failed("disk full")
    assert room.seconds(100) == []


@pytest.mark.parametrize("seconds", [-100_000, 100_000])
def test_a_clock_that_is_set_does_not_stop_it(seconds: int) -> None:
    room = Room()
    room.seconds(600)
    room.now_s += seconds
    room.seconds(60)
    room.telemetry.worker_restarted("exit code 1")
    assert ("worker_died", "", "raised") in room.seconds(10)
