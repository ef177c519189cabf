from __future__ import annotations

import struct
from types import ModuleType

import pytest

from egret.worker.engine import compiled
from tests.support.sluices import START_S, Watch, as_pcap, as_pcapng, as_ring, bulk, mutated

ENGINES = pytest.mark.parametrize(
    "engine",
    [
        None,
        pytest.param(compiled, marks=pytest.mark.skipif(compiled is None, reason="run scripts/build_native.py")),
    ],
    ids=["Python", "compiled"],
)
RECORDS = [record for seed in (3, 7, 8) for record in mutated(seed)]


def one_by_one(watch: Watch) -> list[bool]:
    return [
        watch.sluice.skip(data, 0, len(data), START_S * 1_000_000_000 + time_ns, original)
        for data, original, time_ns in RECORDS
    ]


@ENGINES
@pytest.mark.parametrize(("order", "scale", "header"), [("<", 1, 16), (">", 1, 16), ("<", 1000, 16), (">", 1000, 24)])
@pytest.mark.parametrize("cut", [1 << 30, 200, 1000, 1777])
def test_a_run_over_a_file_takes_what_single_calls_take(
    order: str, scale: int, header: int, cut: int, engine: ModuleType | None
) -> None:
    expected = Watch()
    taken = one_by_one(expected)
    data = as_pcap(RECORDS, order, header, scale)
    found, watch = [], Watch(engine)
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
    assert found == taken
    assert watch.sluice.take_counts() == expected.sluice.take_counts()


@ENGINES
def test_it_says_when_the_last_frame_came_that_was_asked_about(engine: ModuleType | None) -> None:
    watch = Watch(engine)
    for frame in (bulk(4), bulk(4, b"")):
        record = struct.pack("<IIII", START_S, 5, len(frame), len(frame)) + frame
        odd = struct.pack("<IIII", START_S + 90, 5, len(frame) + 1, len(frame)) + frame + b"x"
        assert watch.sluice.pcap(record * 3 + odd, 0, "<", 16, 1) == (3 * len(record), 3)
        assert watch.sluice.last_ns == START_S * 1_000_000_000 + 5


@ENGINES
def test_blocks_of_a_pcapng_file(engine: ModuleType | None) -> None:
    expected, watch, data = Watch(), Watch(engine), as_pcapng(RECORDS, ">", 1)
    taken = one_by_one(expected)
    found, position = [], 0
    while position < len(data):
        position, number = watch.sluice.pcapng(data, position, ">", [(101, 1, 1, 0, None), (1, 10, 1, 50, None)])
        found += [True] * number
        if position < len(data):
            found.append(False)
            position += struct.unpack_from(">I", data, position + 4)[0]
    assert found == taken
    assert watch.sluice.take_counts() == expected.sluice.take_counts()
    for clocks in ([], [(1, 1, 1, 0, None), (101, 1, 1, 0, None)]):
        assert watch.sluice.pcapng(data, 0, ">", clocks) == (0, 0)


@ENGINES
def test_frames_of_a_ring_s_block(engine: ModuleType | None) -> None:
    expected, watch, memory = Watch(), Watch(engine), as_ring(RECORDS)
    taken = one_by_one(expected)
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
    first = 82 + len(RECORDS[0][0])
    assert watch.sluice.ring(memory[:first], 0, 1, first - 1, "eth0") == (0, 0)
