from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

import pytest

from egret.errors import SourceError
from egret.model import Endpoint, FlowKey, Transport
from egret.telemetry.logs import Log
from egret.track.limits import Limits
from egret.track.tally import Tally
from egret.track.volume import Volumes
from egret.worker.tallying import Tallying
from tests.support.hello import CLIENT, SERVER, START_NS
from tests.support.net import ip


class Scene:
    def __init__(self, number: int) -> None:
        self.volumes = Volumes(Limits(), Counter())
        self.asked: list[int] = []
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.tallying = Tallying(self.volumes, self.answer, Log())
        for port in range(number):
            flow = FlowKey(Transport.UDP, Endpoint(ip(CLIENT), 40000 + port), Endpoint(ip(SERVER), 443))
            self.volumes.flag(flow, "example.chat", None, None, START_NS)

    def answer(self, flows: Sequence[FlowKey]) -> list[Tally | None]:
        self.asked.append(len(flows))
        return [Tally(1, 128, 1, 228, 1) if flow.source.port % 2 else None for flow in flows]


def test_nothing_is_asked_where_nothing_is_flagged() -> None:
    scene = Scene(0)
    scene.tallying.step(scene.counts)
    assert scene.asked == []


def test_flows_are_asked_for_in_bounded_messages_and_not_all_the_time() -> None:
    scene = Scene(200)
    scene.tallying.step(scene.counts)
    scene.tallying.step(scene.counts)
    assert scene.asked == [64, 64]
    assert scene.counts == {("conntrack", "found"): 64, ("conntrack", "absent"): 64}
    assert scene.volumes.take() == []  # what the entries had before is not ours


def test_an_opener_that_does_not_say_costs_nothing_but_the_question(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(1)

    def fail(_flows: Sequence[FlowKey]) -> list[Tally | None]:
        raise SourceError("later")

    monkeypatch.setattr(scene.tallying, "_ask", fail)
    with caplog.at_level(logging.WARNING):
        scene.tallying.step(scene.counts)
    assert scene.counts == {("conntrack", "failed"): 1}
    assert "conntrack_not_read" in caplog.text
    assert len(scene.volumes.to_ask(9)) == 1
