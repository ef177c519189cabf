"""Streams whose hellos are plain say and remember the same with the short way of them as with the reader alone."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from egret.decode.hello_shapes import Shape
from egret.model import Frame
from egret.track.direction import opposite
from egret.track.hellos import Hellos
from egret.track.observer import Observer
from tests.property.test_hello_shapes import SEEDS
from tests.support.gated import read_every_hello
from tests.support.hello import Tcp


def said(frames: list[Frame], *, short: bool, taken: bool) -> object:
    """Everything that the frames lead to; where hellos are *taken*, those that name two are not told.

    Of others it may be asked again, when the short way of them ends without a word: a refusal counts nothing.
    """
    observer, told, refused = Observer(), list[object](), set[object]()
    streams = observer.streams

    def take(*hello: object) -> bool:
        is_two = "two" in str(hello[0])
        (told.append if is_two else refused.add)(hello)
        return is_two

    if taken:
        streams.hellos.take = take
        if not short:
            streams.hellos.at_once = lambda *_: None  # type: ignore[method-assign]
            streams.hellos._said = lambda *_: None  # type: ignore[method-assign]
    elif not short:
        read_every_hello(streams)
    events = [event for frame in frames for event in observer.feed(frame)]
    ends = [bytes(frame.data[12:24]) for frame in frames]  # behind the IP header's first half
    awaited = [streams.watched(hash(each), hash(opposite(each))) for each in ends]
    events += observer.flush()
    raws = [getattr(event, "raw", None) for event in events]
    return events, raws, told, refused, awaited, streams.tracked(), observer.counters


def changed(seed: bytes, chance: random.Random) -> bytes:
    """Another hello of a shape, or nearly."""
    odd = bytearray(seed)
    for _ in range(chance.choice((0, 0, 1, 3))):
        odd[chance.randrange(len(odd))] = chance.choice((0, 1, 4, 0xFF, chance.randrange(256)))
    return bytes(odd)


def talk(data: bytes, port: int, chance: random.Random) -> list[Frame]:
    """One connection, its client's stream cut somewhere; sometimes more behind, less, or out of order."""
    tcp = Tcp(sport=port)
    data += chance.choice((b"", b"", b"\x14\x03\x03\0\1\1", data))
    data = data[: chance.choice((len(data), len(data), chance.randrange(1, len(data))))]
    sizes = chance.choice(([], [], [1400], [1], [chance.randrange(1, len(data) + 1)] * 2))
    stream = tcp.stream(data, sizes)
    if chance.random() < 0.2:
        chance.shuffle(stream)
    return [*(tcp.handshake() if chance.random() < 0.8 else []), *stream]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 32), st.booleans())
@example(3785, True)
def test_streams_say_the_same(number: int, taken: bool) -> None:
    chance = random.Random(number)
    frames = [
        frame for port in range(40_000, 40_012) for frame in talk(changed(chance.choice(SEEDS), chance), port, chance)
    ]
    assert said(frames, short=True, taken=taken) == said(frames, short=False, taken=taken)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_second_hello_of_a_shape_is_not_read(seed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[bytes] = []
    learn = Hellos._learn

    def learn_one(hellos: Hellos, shape: Shape, data: bytes) -> Mapping[str, object]:
        learnt.append(data)
        return learn(hellos, shape, data)

    monkeypatch.setattr(Hellos, "_learn", learn_one)
    observer = Observer()
    for port in (40_000, 40_001):
        tcp = Tcp(sport=port)
        assert any(observer.feed(frame) for frame in [*tcp.handshake(), *tcp.stream(seed)])
    assert learnt == [seed]
