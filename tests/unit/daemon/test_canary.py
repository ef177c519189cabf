from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from egret.alerts.sensor import Finding, Probe, Problem
from egret.daemon.canary import Canary
from egret.decode.link import ETHERNET
from egret.errors import SourceError
from egret.judge.verdict import Judge, Policy
from egret.model import Frame
from egret.settings.canary_section import CanarySettings
from egret.sources.probes import frames, from_port
from egret.telemetry import Telemetry
from egret.worker.canary import Ear
from egret.worker.wire import Heard, decode, encode_heard
from tests.support.crew import FakeSource
from tests.support.patience import PATIENCE_S, until
from tests.support.pipeline import CATALOG

QUICK = CanarySettings.model_construct(
    enabled=True, every=CanarySettings().every / 3000, within=CanarySettings().within / 100, interface="lo"
)  # 20 ms and 100 ms
PATIENT = QUICK.model_copy(update={"within": timedelta(seconds=PATIENCE_S)})  # where it is to arrive, on a slow machine


class Board:
    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.cleared: list[Problem] = []

    def bad(self, finding: Finding) -> None:
        self.found.append(finding)

    def good(self, problem: Problem, subject: str = "") -> None:
        assert subject == ""
        self.cleared.append(problem)


class Room:
    """A canary whose probes are heard at once, by those workers that *hear*, through ear and wire."""

    def __init__(
        self,
        hear: Callable[[Probe], tuple[int, ...]],
        judge: Callable[[], Judge] | None = None,
        settings: CanarySettings = QUICK,
    ) -> None:
        self.hear = hear
        self.telemetry, self.board = Telemetry("test"), Board()
        self.trouble: SourceError | None = None
        self.sent: list[tuple[Probe, int]] = []
        made = judge or (lambda: Judge(Policy(), None))
        self.canary = Canary(settings, self, (0, 1), made, self.board, self.telemetry)

    def send_probe(self, probe: Probe, port: int) -> None:
        self.sent.append((probe, port))
        self.arrive(probe, port)
        if self.trouble is not None:
            raise self.trouble

    def arrive(self, probe: Probe, port: int) -> None:
        for worker in self.hear(probe):
            data = from_port(frames()[probe], port)
            ear = Ear(FakeSource([[Frame(time.time_ns(), ETHERNET, memoryview(data), len(data))]], lambda: None))
            for hit in ear.hear():
                said = decode(encode_heard(hit), CATALOG)
                assert isinstance(said, Heard)
                asyncio.get_running_loop().call_soon(self.canary.heard, worker, said.hit)

    def run(self, enough: Callable[[], bool]) -> None:
        async def scene() -> None:
            task = asyncio.create_task(self.canary.run())
            await until(enough)
            task.cancel()
            await asyncio.wait([task])

        asyncio.run(scene())

    def missed(self) -> float:
        return self.telemetry.total("egret_canary_missed_total")


def test_it_sends_each_probe_in_turn_and_is_content() -> None:
    room = Room(lambda _: (0, 1), settings=PATIENT)
    began_s = time.time()
    room.run(lambda: len(room.board.cleared) >= 3)
    assert [probe for probe, _ in room.sent[:3]] == list(Probe)
    assert len({port for _, port in room.sent}) == len(room.sent)
    assert set(room.board.cleared) == {Problem.CANARY_MISSED}
    assert room.telemetry.value("egret_canary_last_seen_timestamp_seconds") >= began_s
    assert 0 < room.telemetry.value("egret_canary_latency_seconds") < PATIENT.within.total_seconds()
    assert room.missed() == 0
    assert room.board.found == []


def test_its_own_traces_are_all_that_it_leaves() -> None:
    room = Room(lambda _: (0, 1), settings=PATIENT)
    room.run(lambda: len(room.board.cleared) >= 3)
    moved = {
        sample.name
        for family in room.telemetry.registry.collect()
        for sample in family.samples
        if sample.value and "canary" not in sample.name
    }
    assert moved <= {"egret_build_info", "egret_coverage_named_ratio"}


def test_one_deaf_worker_is_enough() -> None:
    room = Room(lambda _: (0,))
    said = "capture process 1 did not hear the dns probe within 0.1 s"  # where 0 was not late, on a slow machine
    room.run(lambda: any(said in found.text for found in room.board.found))
    assert room.telemetry.value("egret_canary_missed_total", "dns") >= 1
    assert room.telemetry.value("egret_canary_last_seen_timestamp_seconds") == 0


def test_what_cannot_be_sent_is_missed_with_its_reason() -> None:
    room = Room(lambda _: ())
    room.trouble = SourceError("lo: the canary cannot be sent: Network is down")
    room.run(lambda: len(room.board.found) >= 1)
    assert "capture process 0, 1 did not hear the dns probe within 0.1 s" in room.board.found[0].text
    assert "Network is down" in room.board.found[0].text


def test_an_opener_that_answers_too_late_has_sent_it_all_the_same() -> None:
    room = Room(lambda _: (0, 1), settings=PATIENT)
    room.trouble = SourceError("the opener did not answer within 0.5 s")
    room.run(lambda: len(room.board.cleared) >= 1)
    assert room.missed() == 0
    assert room.board.found == []


def test_a_judge_with_a_bug_is_missed() -> None:
    def broken() -> Judge:
        raise ZeroDivisionError

    room = Room(lambda _: (0, 1), broken)
    room.run(lambda: len(room.board.found) >= 1)
    assert room.telemetry.value("egret_internal_errors_total", "judge") >= 2


def test_a_loop_that_stood_still_is_told_of() -> None:
    room = Room(lambda _: (0, 1))

    def hear(_probe: Probe) -> tuple[int, ...]:
        time.sleep(0.2)  # in the loop, as a bug would
        return 0, 1

    room.hear = hear
    room.run(lambda: bool(room.board.found))
    assert "dns probe" in room.board.found[0].text


@pytest.mark.parametrize("port", [1, 20_000])
def test_a_late_answer_to_a_probe_that_was_given_up_counts_for_nothing(port: int) -> None:
    room = Room(lambda _: ())
    data = from_port(frames()[Probe.DNS], port)
    hit = next(Ear(FakeSource([[Frame(1, ETHERNET, memoryview(data), len(data))]], lambda: None)).hear())

    async def scene() -> None:
        room.canary.heard(0, hit)

    asyncio.run(scene())
    assert room.telemetry.total("egret_internal_errors_total") == 0
