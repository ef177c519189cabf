"""A look-up that is heard where it lies says what its frame would have said to the observer."""

from __future__ import annotations

import random
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.cli.capture import Captures
from egret.cli.reading import Reading
from egret.model import ServiceClass
from egret.worker import engine
from egret.worker.pipeline import Pipeline
from tests.property.test_plain_lookup import ODD, PLAIN
from tests.support.divided import each
from tests.support.gated import CATALOG, capture_of, passed, passed_as_file
from tests.support.hello import ip_packet
from tests.support.jumbles import STEPS_NS, Ends, ethernet

CLIENTS, RESOLVERS = ("192.0.2.1", "192.0.2.2", "2001:db8::1"), ("198.51.100.1", "198.51.100.2", "2001:db8::99")
LONGEST_RUN = 256  # worker/native/runs.c
PORTS = (53, 53, 53, 53, 5353, 4789, 443, 0)


def look_up(wire: bytes, chance: random.Random) -> bytes:
    """A frame with a message, or with what was made of it."""
    odd = bytearray(wire)
    for _ in range(chance.choice((0, 0, 0, 0, 1, 2))):
        odd[chance.randrange(len(odd))] = chance.choice((0, 1, 0x16, 0x80, 0xC0, 0xFE, chance.randrange(256)))
    wire = bytes(odd) + bytes(chance.choice((0, 0, 0, 0, 1, 11, 1200)))
    which = chance.randrange(3)
    client, resolver = (CLIENTS[which], 40_000 + chance.randrange(2)), (RESOLVERS[which], chance.choice(PORTS))
    if chance.random() < 0.05:
        client = client[0], chance.choice(PORTS)
    ends = [client, resolver] if wire[2:3] < b"\x80" else [resolver, client]
    if chance.random() < 0.01:
        ends.reverse()
    size = 8 + len(wire) + (chance.random() < 0.05)
    (source, from_port), (destination, to_port) = ends
    datagram = struct.pack("!HHHH", from_port, to_port, size, 0) + wire
    frame = ethernet(ip_packet(source, destination, 17, datagram))
    return frame[: chance.choice((len(frame),) * 9 + (chance.randrange(60, len(frame) + 1),))]


def course(seed: int) -> list[bytes]:
    """Look-ups, some of them twice, and connections, after which the bytes of a resolver may be counted."""
    chance = random.Random(seed)
    frames = [look_up(chance.choice((*PLAIN, *PLAIN, *ODD)), chance) for _ in range(150)]
    frames += chance.choices(frames, k=40)
    chance.shuffle(frames)
    for _ in range(8):
        at = chance.randrange(len(frames))
        frames[at:at] = Ends(chance).frames()
    return frames


@pytest.mark.parametrize("pure", [False, True])
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS))
def test_it_says_the_same(pure: bool, seed: int, step_ns: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EGRET_PURE", "1" if pure else "")
        assert passed(course(seed), step_ns, gated=True) == passed(course(seed), step_ns, gated=False)


@pytest.mark.parametrize("pure", [False, True])
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS))
def test_many_at_once_say_the_same(pure: bool, seed: int, step_ns: int) -> None:
    frames = course(seed)
    assert passed_as_file(frames, step_ns, pure=pure, in_runs=[]) == passed(frames, step_ns, gated=False)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS))
def test_what_comes_at_once_is_said_in_the_order_of_single_look_ups(seed: int, step_ns: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in"
        path.write_bytes(capture_of(course(seed), step_ns))
        at_once = steps_of(path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Pipeline, "hear_in_runs", lambda *_: None)
            assert steps_of(path) == at_once


def steps_of(path: Path) -> list[object]:
    reading = Reading(Pipeline(CATALOG, measured=frozenset(ServiceClass)), lambda hit: hit)
    return each(step for _, step in reading.steps(Captures([str(path)], complain=lambda _: None), str(path)))


@pytest.mark.skipif(not engine.is_compiled(), reason="the compiled gate was not built")
def test_runs_are_long_and_end() -> None:
    chance, lengths = random.Random(1), list[int]()
    asked = [message.ljust(12, b"\0") for message in PLAIN if message[2] < 0x80]
    frames = [
        ethernet(ip_packet(CLIENTS[0], RESOLVERS[0], 17, struct.pack("!HHHH", 40_000, 53, 8 + len(wire), 0) + wire))
        for wire in (struct.pack("!H", number) + chance.choice(asked)[2:] for number in range(2_000))
    ]
    told = passed_as_file(frames, 1_000, pure=False, in_runs=lengths)
    assert told == passed(frames, 1_000, gated=False)
    assert max(lengths) == LONGEST_RUN
    assert len(told[0]) > LONGEST_RUN


def test_such_come_twice_and_are_heard() -> None:
    _, _, counted = passed(course(1), 1_000, gated=True)
    assert counted["copies"] > 10
