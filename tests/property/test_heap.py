"""What is done with is gone at once: no conversation, whole or broken, leaves a reference cycle behind."""

from __future__ import annotations

import gc
import random

import pytest

from egret.model import Frame
from egret.worker.pipeline import Pipeline
from tests.support.pipeline import CATALOG
from tests.support.reshape import SHAPES, packets
from tests.support.talks import talks
from tests.support.wraps import WRAPS

STEP_NS = 2_000_000


@pytest.mark.parametrize("shape", ["plain", "random order", "small and fragments", "no handshake"])
@pytest.mark.parametrize("broken", [False, True])
def test_no_cycle_is_left_behind(shape: str, broken: bool) -> None:
    chance = random.Random(shape)
    frames = [
        WRAPS["Ethernet"].wrap(packet)
        for number, talk in enumerate(talks())
        for packet in packets(talk, number, SHAPES[shape])
    ]
    pipeline = Pipeline(CATALOG)
    gc.collect()
    gc.disable()
    try:
        for number, frame in enumerate(frames):
            data = _broken(frame, chance) if broken else frame
            pipeline.feed(Frame(1 + number * STEP_NS, 1, memoryview(data), len(data)))
        pipeline.expire(len(frames) * STEP_NS)
        pipeline.flush()
        assert gc.collect() == 0
    finally:
        gc.enable()


def _broken(frame: bytes, chance: random.Random) -> bytes:
    """Some bits turned behind the link's header."""
    data = bytearray(frame)
    for _ in range(chance.randrange(3)):
        data[chance.randrange(14, len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)
