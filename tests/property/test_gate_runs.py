"""What goes over many records at once says what the same says of one frame after the other."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_gate import workload
from tests.support.gated import passed, passed_as_file
from tests.support.native import compiled as _gate
from tests.support.sluices import START_S, Record, Watch, as_ipv6, as_pcap, bulk, ordinary

ORDERS = [("<", 16, 1), (">", 16, 1000), ("<", 24, 1000), (">", 28, 1)]


def repeated(chance: random.Random) -> list[Record]:
    """A few look-ups and segments again and again, some of them changed in a byte, cut off, or longer."""
    chosen = [*chance.sample([each for each in ordinary() if each[23] == 17], 6), *map(bulk, (3, 4, 5, 6))]
    chosen += [as_ipv6(chosen[-1])]
    records, time_ns = [], 0
    for _ in range(200):
        frame = bytearray(chance.choice(chosen))
        match chance.randrange(12):
            case 0:
                frame[chance.randrange(12, min(len(frame), 70))] ^= 1 << chance.randrange(8)
            case 1:
                frame += bytes(chance.randrange(1, 9))
            case 2:
                del frame[chance.randrange(40, len(frame)) :]
            case 3:
                frame[42:44] = chance.randbytes(2)  # a question with another number
            case _:
                pass
        time_ns += chance.choice((0, 1_000, 1_000, 1_000, 400_000_000))
        records.append((bytes(frame), len(frame) + chance.choice((0, 0, 0, 5)), time_ns))
    return records


def in_one(
    compiled: ModuleType | None, records: Sequence[Record], order: str, header: int, scale: int
) -> tuple[list[bool], tuple[object, ...]]:
    """What a gate says of a file, going on behind what it lets through."""
    watch, data, position, taken = Watch(compiled), as_pcap(records, order, header, scale), 0, list[bool]()
    while position < len(data):
        position, number = watch.sluice.pcap(data, position, order, header, scale)
        taken += [True] * number
        if position < len(data):
            taken.append(False)
            position += header + struct.unpack_from(order + "I", data, position + 8)[0]
    return taken, watch.said()


def one_by_one(records: Sequence[Record]) -> tuple[object, ...]:
    watch = Watch()
    times = [START_S * 1_000_000_000 + time_ns for _, _, time_ns in records]
    taken = [
        watch.sluice.skip(frame, 0, len(frame), time_ns, original)
        for (frame, original, _), time_ns in zip(records, times, strict=True)
    ]
    said = watch.said()
    return taken, said[0], said[3:]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from(ORDERS))
def test_what_comes_again_and_again(seed: int, layout: tuple[str, int, int]) -> None:
    records = repeated(random.Random(seed))
    expected = one_by_one(records)
    found, said = in_one(None, records, *layout)
    assert (found, said[0], said[3:]) == expected  # frames that are not whole are not asked about, so no second turns
    assert in_one(_gate, records, *layout) == (found, said)


@pytest.mark.parametrize("name", ["dns", "tls", "mix", "hunt"])
@pytest.mark.parametrize("pure", [True, False])
def test_a_file_says_what_its_frames_say(name: str, pure: bool) -> None:
    frames = [*workload(name), *workload(name)]
    assert passed_as_file(frames, 300_000, pure=pure) == passed(frames, 300_000, gated=False)
