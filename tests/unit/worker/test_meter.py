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
from egret.worker.meter import Meter
from egret.worker.tallying import Tallying
from tests.support.crew import FakeRing
from tests.support.hello import CLIENT, SERVER, START_NS, frame, udp
from tests.support.net import ip

FLOW = FlowKey(Transport.UDP, Endpoint(ip(CLIENT), 40000), Endpoint(ip(SERVER), 443))


class Scene:
    def __init__(self) -> None:
        self.ring = FakeRing()
        self.volumes = Volumes(Limits(), Counter())
        self.meter = Meter(self.volumes, self.ring, Log())
        self.counts: Counter[tuple[str, ...]] = Counter()

    def step(self) -> None:
        self.meter._follow_at_s = 0.0
        self.meter.step(self.counts)


def test_headers_are_counted_and_the_ring_follows_what_is_flagged() -> None:
    scene = Scene()
    scene.step()
    assert (scene.ring.followed, scene.meter.busy) == ([], False)
    scene.volumes.flag(FLOW, "example.chat", None, None, START_NS)
    scene.step()
    scene.step()
    assert (scene.ring.followed, scene.meter.busy) == ([[ip(SERVER)]], True)
    scene.ring.frames = [udp(b"\x00" * 900, 40000, 443), frame(b"\x45"), frame(b"")]  # two that cannot be read
    scene.step()
    (told,) = scene.volumes.take()
    assert (told.bytes_out, told.bytes_in) == (900, 0)
    scene.meter.close()
    assert scene.ring.closed


def test_making_filters_takes_little_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    clock = iter((10.0, 10.0, 10.5, 11.0, 21.0, 21.0, 21.0))
    monkeypatch.setattr("egret.worker.meter.time.monotonic", lambda: next(clock))
    for number in range(3):
        scene.volumes.arm(bytes([203, 0, 113, number]), START_NS)
        scene.meter.step(scene.counts)
    assert [len(each) for each in scene.ring.followed] == [1, 3]


def test_losses_are_counted_once() -> None:
    scene = Scene()
    scene.ring.dropped, scene.ring.left_out = 5, 3
    scene.volumes.arm(b"1234", START_NS)
    scene.step()
    scene.volumes.arm(b"1235", START_NS)
    scene.step()
    scene.meter.report(scene.counts)
    scene.ring.dropped = 6
    scene.meter.report(scene.counts)
    assert scene.counts == {("evictions", "volume_peers"): 3, ("volume_dropped", "lan0"): 6}


def test_a_filter_that_cannot_be_had_is_said_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    scene.ring.trouble = SourceError("lan0: no filter for volumes")
    scene.volumes.arm(b"1234", START_NS)
    with caplog.at_level(logging.ERROR):
        scene.step()
    assert "volume_not_counted" in caplog.text


def test_connection_tracking_is_asked_with_each_step() -> None:
    scene = Scene()
    asked: list[FlowKey] = []

    def ask(flows: Sequence[FlowKey]) -> list[Tally | None]:
        asked.extend(flows)
        return [None] * len(flows)

    scene.meter = Meter(scene.volumes, scene.ring, Log(), Tallying(scene.volumes, ask, Log()))
    scene.volumes.flag(FLOW, "example.chat", None, None, START_NS)
    scene.step()
    assert asked == [FLOW]
    assert scene.counts["conntrack", "absent"] == 1
