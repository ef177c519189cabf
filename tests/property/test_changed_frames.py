"""Totality of the whole observer: real frames changed, cut, shuffled and mistimed, under tiny bounds, raise nothing."""

from __future__ import annotations

import random
from contextlib import closing
from functools import lru_cache
from pathlib import Path

import pytest

from egret.model import Frame
from egret.sources.files import open_capture
from egret.track.limits import Limits
from egret.track.observer import Observer

CAPTURE = Path(__file__).parents[2] / "src/egret/data/demo/egret-demo.pcapng"
TINY = Limits(
    flows=2,
    stream_bytes=3000,
    quic_flows=1,
    quic_bytes=1000,
    dns_streams=1,
    decided=2,
    http_flows=1,
    answers=2,
    duplicates=2,
)


@lru_cache
def seeds() -> tuple[Frame, ...]:
    with closing(open_capture(str(CAPTURE))) as source:
        return tuple(frame._replace(data=memoryview(bytes(frame.data))) for frame in source.frames())


def changed(frame: Frame, rng: random.Random) -> Frame:
    data = bytearray(frame.data)
    for _ in range(rng.choice((0, 0, 1, 3))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    if rng.random() < 0.1:
        del data[rng.randrange(len(data)) :]
    late_ns = rng.choice((0, 0, 0, -(10**12), 10**10))
    return frame._replace(data=memoryview(bytes(data)), time_ns=frame.time_ns + late_ns)


@pytest.mark.skipif(not CAPTURE.exists(), reason="needs the demo's capture")
@pytest.mark.parametrize("limits", [Limits(), TINY], ids=["default", "tiny"])
@pytest.mark.parametrize("seed", range(12))
def test_nothing_raises_and_nothing_is_left(seed: int, limits: Limits) -> None:
    rng, observer = random.Random(seed), Observer(limits)
    frames = list(seeds())
    if seed % 2:
        rng.shuffle(frames)
    for frame in frames:
        observer.feed(changed(frame, rng))
    observer.flush()
    observer.expire(1 << 62)
    tracked = observer.counters.tracked
    assert (tracked["flows"], tracked["quic_flows"], tracked["dns_streams"]) == (0, 0, 0)
    assert (observer.streams._flows.held, observer._quic.pairs.held, observer.dns.table.held) == (0, 0, 0)
