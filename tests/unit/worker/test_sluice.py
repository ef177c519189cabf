from __future__ import annotations

import random
import struct
from collections import Counter
from functools import lru_cache
from itertools import islice

import pytest

from bench import workloads
from egret.track.observer import Observer
from egret.worker.greetings import Greetings
from egret.worker.plain import PlainLookups
from egret.worker.quick import hold_young
from egret.worker.sluice import Sluice

START_S = 1_700_000_000
Record = tuple[bytes, int, int]  # what was captured, how long it was, nanoseconds since START_S


class Watch:
    """A sluice that knows two quiet directions, and who asked."""

    def __init__(self) -> None:
        self.observer = Observer()
        self.ticks: list[int] = []
        plain = PlainLookups(self.observer.lookups, lambda name: name == "w7.site7.example", self._wanted)
        self.sluice = Sluice(
            plain,
            hold_young(
                self.observer, Greetings(lambda _name: False, lambda _ip, _port: False, lambda _ip: True, (), Counter())
            ),
            self._tick,
            self._watched,
            lambda _ends: False,
        )

    def _wanted(self, ends: bytes, *, answer: bool) -> bool:
        return answer and ends[0] == 10

    def _tick(self, time_ns: int) -> int:
        self.ticks.append(time_ns)
        self.observer.tick(time_ns)
        return self.observer.ticked_ns

    def _watched(self, ends: bytes) -> frozenset[int] | None:
        return {3: frozenset({0x16}), 4: frozenset()}.get(ends[3])


def bulk(last: int, payload: bytes = bytes(300), flags: int = 16) -> bytes:
    """A segment from 192.0.2.*last*."""
    return workloads.tcp_segment(0xC0000200 | last, 0xCB007105, 40_000, 7, flags, payload)


@lru_cache
def records() -> list[Record]:
    """Bulk, look-ups and oddities, some of them cut by a snap length."""
    chance = random.Random(5)
    frames = [*islice(workloads.dns(chance), 30), *islice(workloads.tls(chance), 12)]
    for last in (3, 4, 4, 4, 5, 3):
        frames += [bulk(last), bulk(last, b"\x16\3\1" + bytes(290)), bulk(last, b""), bulk(last, flags=17)]
        frames += [bulk(last)[:40], b"short", bulk(last)[:12] + b"\x81\0\0\1" + bulk(last)[12:]]
    chance.shuffle(frames)
    return [
        (frame if chance.random() < 0.7 else frame[: chance.choice((60, 54, 53))], len(frame), 40_000_000 * number)
        for number, frame in enumerate(frames * 2)
    ]


def one_by_one(watch: Watch) -> list[bool]:
    return [
        watch.sluice.skip(data, 0, len(data), START_S * 1_000_000_000 + time_ns, original)
        for data, original, time_ns in records()
    ]


@pytest.mark.parametrize(("order", "scale", "header"), [("<", 1, 16), (">", 1, 16), ("<", 1000, 16), (">", 1000, 24)])
@pytest.mark.parametrize("cut", [1 << 30, 200, 1000, 1777])
def test_a_run_over_a_file_takes_what_single_calls_take(order: str, scale: int, header: int, cut: int) -> None:
    expected = Watch()
    taken = one_by_one(expected)
    data = b""
    for frame, original, time_ns in records():
        seconds, fraction = divmod(START_S * 1_000_000_000 + time_ns, 1_000_000_000)
        layout = f"{order}IIII{header - 16}x"
        data += struct.pack(layout, seconds, fraction // scale, len(frame), original) + frame
    found, watch = [], Watch()
    position, window = 0, b""
    while True:
        before = position
        position, number = watch.sluice.pcap(window, position, order, header, scale)
        found += [True] * number
        assert (number > 0) == (position > before)
        captured = struct.unpack_from(order + "I", window, position + 8)[0] if len(window) >= position + header else 0
        if len(window) - position >= header and len(window) - position >= header + captured:
            found.append(False)
            position += header + captured
            continue
        if not data:
            break
        window, data, position = window[position:] + data[:cut], data[cut:], 0
    # what ends a window may be too near to its end to be looked at
    assert all(ours in {single, False} for ours, single in zip(found, taken, strict=True))
    assert sum(found) >= sum(taken) - 2 * (sum(len(frame) for frame, *_ in records()) // cut + 1)
    if found == taken:
        assert watch.ticks == expected.ticks
        assert watch.sluice.take_counts() == expected.sluice.take_counts()
        assert watch.sluice.last_ns == expected.sluice.last_ns


def test_it_says_when_the_last_frame_came_that_was_asked_about() -> None:
    watch = Watch()
    for frame in (bulk(4), bulk(4, b"")):
        record = struct.pack("<IIII", START_S, 5, len(frame), len(frame)) + frame
        odd = struct.pack("<IIII", START_S + 90, 5, len(frame) + 1, len(frame)) + frame + b"x"
        assert watch.sluice.pcap(record * 3 + odd, 0, "<", 16, 1) == (3 * len(record), 3)
        assert watch.sluice.last_ns == START_S * 1_000_000_000 + 5


def test_blocks_of_a_pcapng_file() -> None:
    expected, watch, data = Watch(), Watch(), b""
    taken = one_by_one(expected)
    for frame, original, time_ns in records():
        high, low = divmod((START_S * 1_000_000_000 + time_ns - 5) // 10, 1 << 32)
        size = 32 + len(frame) + -len(frame) % 4
        data += struct.pack(">IIIIIII", 6, size, 1, high, low, len(frame), original) + frame
        data += bytes(-len(frame) % 4) + struct.pack(">I", size)
    found, position = [], 0
    while position < len(data):
        position, number = watch.sluice.pcapng(data, position, ">", [(101, 1, 1, 0, None), (1, 10, 1, 5, None)])
        found += [True] * number
        if position < len(data):
            found.append(False)
            position += struct.unpack_from(">I", data, position + 4)[0]
    assert found == taken
    assert watch.sluice.take_counts() == expected.sluice.take_counts()
    for clocks in ([], [(1, 1, 1, 0, None), (101, 1, 1, 0, None)]):
        assert watch.sluice.pcapng(data, 0, ">", clocks) == (0, 0)


def test_frames_of_a_ring_s_block() -> None:
    expected, watch, memory = Watch(), Watch(), bytearray()
    taken = one_by_one(expected)
    for frame, original, time_ns in records():
        seconds, fraction = divmod(START_S * 1_000_000_000 + time_ns, 1_000_000_000)
        memory += struct.pack("=IIIIIIH56x", 82 + len(frame), seconds, fraction, len(frame), original, 0, 82) + frame
    found: list[bool] = []
    position = 0
    while len(found) < len(taken):
        position, number = watch.sluice.ring(memory, position, len(taken) - len(found), len(memory), "eth0")
        found += [True] * number
        if len(found) < len(taken):
            found.append(False)
            position += struct.unpack_from("=I", memory, position)[0]
    assert found == taken
    assert watch.sluice.take_counts() == expected.sluice.take_counts()
    first = 82 + len(records()[0][0])
    assert watch.sluice.ring(memory[:first], 0, 1, first - 1, "eth0") == (0, 0)
