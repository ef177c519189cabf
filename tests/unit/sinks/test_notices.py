from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from egret.alerts.model import Alert
from egret.alerts.routing import Hours, Kind, Route
from egret.alerts.sensor import Board, Finding, Problem, SensorAlert
from egret.errors import SinkRejected, SinkTemporary
from egret.model import Severity
from egret.sinks import notices as module
from egret.sinks.base import Delivery, DeliveryOptions, Outcome
from egret.sinks.notices import MAX_WAITING, Notices
from egret.sinks.outputs import SINKS
from egret.value import replace
from tests.support.alerts import Watch, sensor_alert
from tests.support.patience import PATIENCE_S


class Quiet:
    """A sink that has no form for alerts about the sensor."""

    name = "quiet"

    def health(self) -> str | None:
        return None

    async def send(self, alerts: Sequence[Alert]) -> None:
        raise AssertionError

    async def close(self) -> None:
        return None


class Warned(Quiet):
    name = "soc"

    def __init__(self, *script: Exception | float) -> None:
        self.script = list(script)
        self.got: list[SensorAlert] = []

    async def warn(self, alert: SensorAlert) -> None:
        happens = self.script.pop(0) if self.script else None
        if isinstance(happens, float):
            await asyncio.sleep(happens)
        elif happens is not None:
            raise happens
        self.got.append(alert)


def alert(number: int = 0, severity: Severity = Severity.HIGH) -> SensorAlert:
    made = Board().bad(
        Finding(problem=Problem.LINK_DOWN, subject=f"lan{number}", severity=severity, text="t", advice="a"), number
    )
    assert made is not None
    return made


class Room:
    def __init__(self, *sinks: Quiet, **options: Any) -> None:
        self.outcomes: list[tuple[str, Outcome, str]] = []
        self.notices = Notices(lambda *heard: self.outcomes.append(heard))
        self.deliveries = [Delivery(sink, DeliveryOptions(**options), Watch()) for sink in sinks]

    def run(self, act: Callable[[], Awaitable[None]]) -> list[Outcome]:
        async def scene() -> None:
            self.notices.start(self.deliveries)
            await act()
            await self.notices.close(PATIENCE_S)

        asyncio.run(scene())
        return [outcome for _, outcome, _ in self.outcomes]

    def offer(self, *alerts: SensorAlert) -> list[Outcome]:
        async def act() -> None:
            for each in alerts:
                self.notices.offer(each)

        return self.run(act)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_S", 0.001)


def test_every_output_that_there_is_has_a_form_for_them() -> None:
    assert [name for name, kind in SINKS.items() if not callable(getattr(kind, "warn", None))] == []


def test_who_has_a_form_for_them_gets_them() -> None:
    sink = Warned()
    assert Room(Quiet(), sink).offer(alert(), alert(1)) == [Outcome.DELIVERED] * 2
    assert [each.finding.subject for each in sink.got] == ["lan0", "lan1"]


def test_the_outputs_least_severity_holds() -> None:
    sink = Warned()
    assert Room(sink, min_severity=Severity.HIGH).offer(alert(severity=Severity.LOW), alert(1)) == [Outcome.DELIVERED]
    assert [each.finding.subject for each in sink.got] == ["lan1"]


def test_what_fails_is_tried_again_and_what_is_refused_is_not() -> None:
    sink = Warned(SinkTemporary("later"), SinkTemporary("later"), SinkRejected("never"), ZeroDivisionError())
    room = Room(sink)
    failed, refused = Outcome.FAILED, Outcome.REJECTED
    assert room.offer(alert(), alert(1), alert(2)) == [failed, failed, refused, refused, Outcome.DELIVERED]
    assert [each.finding.subject for each in sink.got] == ["lan2"]
    assert room.outcomes[0] == ("soc", failed, "later")


def test_one_that_does_not_answer_holds_up_no_other() -> None:
    slow, quick = Warned(5.0), Warned()
    quick.name = "other"
    room = Room(slow, quick, send_timeout_s=0.05)
    room.offer(alert())
    assert ("soc", Outcome.FAILED, "no answer") in room.outcomes
    assert len(slow.got) == len(quick.got) == 1


def test_the_oldest_makes_room() -> None:
    sink = Warned(*[SinkTemporary("later")])
    room = Room(sink)
    outcomes = room.offer(*(alert(number) for number in range(MAX_WAITING + 5)))
    assert outcomes.count(Outcome.DROPPED) == 5
    assert sink.got[0].finding.subject == "lan5"


def test_a_reload_keeps_the_lane_of_an_output_that_stays() -> None:
    old, new, stays = Warned(SinkTemporary("later")), Warned(), Warned()
    room = Room(old, stays)
    heir = Delivery(new, DeliveryOptions(), Watch())

    async def act() -> None:
        room.notices.offer(alert())
        await room.notices.exchange([room.deliveries[1], heir], PATIENCE_S)
        room.notices.offer(alert(1))

    room.run(act)
    assert [len(sink.got) for sink in (old, stays, new)] == [1, 2, 1]


def test_the_end_does_not_wait_for_ever() -> None:
    room = Room(Warned(*[SinkTemporary("later")] * 10_000))

    async def act() -> None:
        room.notices.offer(alert())
        await room.notices.close(0.05)

    assert set(room.run(act)) == {Outcome.FAILED}


def test_routes_that_name_kinds_decide_and_the_end_follows_the_beginning() -> None:
    started, ended = sensor_alert(), sensor_alert(2)
    minute_after = (Hours(frozenset(range(7)), 1, 2),)
    for routes, got in (
        ((Route(kinds=frozenset({Kind.SENSOR})),), [started, ended]),
        ((Route(kinds=frozenset({Kind.INCIDENT})),), []),
        ((Route(vendors=frozenset({"other"})),), [started, ended]),
        ((Route(kinds=frozenset({Kind.SENSOR}), hours=minute_after),), []),
    ):
        sink = Warned()
        Room(sink, routes=routes).offer(started, ended)
        assert sink.got == got
    later = replace(ended, time_ns=ended.time_ns + 120 * 10**9)
    sink = Warned()
    now = (Hours(frozenset(range(7)), 0, 1),)
    Room(sink, routes=(Route(kinds=frozenset({Kind.SENSOR}), hours=now),)).offer(started, later)
    assert sink.got == [started, later]
