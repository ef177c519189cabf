from __future__ import annotations

import struct

import pytest

from egret.model import Frame
from egret.sources.ring import Geometry, Ring

GEOMETRY = Geometry(block_size=4096, blocks=3, retire_ms=1)
VLAN_VALID = 0x10


def fill(memory: bytearray, block: int, frames: list[tuple[bytes, int, int]]) -> None:
    """What the kernel would write: (data, length on the wire, status and vlan) of each frame."""
    start = block * GEOMETRY.block_size
    struct.pack_into("=IIIII", memory, start, 1, 0, 1, len(frames), 48)
    at = start + 48
    for number, (data, length, vlan) in enumerate(frames):
        status = VLAN_VALID if vlan else 0
        header = struct.pack("=IIIIIIHHII", 2 + 96 + len(data), 7, number, len(data), length, status, 82, 96, 0, vlan)
        memory[at : at + len(header)] = header
        memory[at + 82 : at + 82 + len(data)] = data
        at += 2 + 96 + len(data)


def status_of(memory: bytearray, block: int) -> int:
    return int(struct.unpack_from("=I", memory, block * GEOMETRY.block_size + 8)[0])


@pytest.fixture
def memory() -> bytearray:
    return bytearray(GEOMETRY.size)


def values(ring: Ring) -> list[tuple[bytes, int, int | None, int]]:
    return [(bytes(frame.data), frame.wire_length, frame.vlan, frame.time_ns) for frame in ring.frames()]


def test_frames_of_a_block_in_order_and_the_block_goes_back(memory: bytearray) -> None:
    ring = Ring(memory, GEOMETRY, 1, "eth0")
    fill(memory, 0, [(b"one", 3, 0), (b"two", 1500, 0)])
    assert values(ring) == [(b"one", 3, None, 7_000_000_000), (b"two", 1500, None, 7_000_000_001)]
    assert status_of(memory, 0) == 0
    assert values(ring) == []


def test_a_frame_says_where_it_is_from(memory: bytearray) -> None:
    fill(memory, 0, [(b"x", 1, 0)])
    (frame,) = Ring(memory, GEOMETRY, 101, "tun0").frames()
    assert isinstance(frame, Frame)
    assert (frame.linktype, frame.interface) == (101, "tun0")


@pytest.mark.parametrize(("tci", "vlan"), [(7, 7), (0xE007, 7), (0xE000, None)])
def test_the_vlan_is_the_id_without_its_priority(memory: bytearray, tci: int, vlan: int | None) -> None:
    fill(memory, 0, [(b"x", 1, tci)])
    assert values(Ring(memory, GEOMETRY, 1, "eth0"))[0][2] == vlan


def test_blocks_are_read_in_a_circle_and_never_more_than_one_round(memory: bytearray) -> None:
    ring = Ring(memory, GEOMETRY, 1, "eth0")
    for block in range(3):
        fill(memory, block, [(b"%d" % block, 1, 0)])
    read = []
    for frame in ring.frames():
        read.append(bytes(frame.data))
        fill(memory, 0, [(b"again", 5, 0)])
    assert read == [b"0", b"1", b"2"]
    assert [data for data, *_ in values(ring)] == [b"again"]


def test_a_block_that_is_left_early_goes_back_too(memory: bytearray) -> None:
    ring = Ring(memory, GEOMETRY, 1, "eth0")
    fill(memory, 0, [(b"one", 3, 0), (b"two", 3, 0)])
    fill(memory, 1, [(b"three", 5, 0)])
    for _frame in ring.frames():
        break
    assert status_of(memory, 0) == 0
    assert [data for data, *_ in values(ring)] == [b"three"]


def test_close_lets_go_of_the_memory(memory: bytearray) -> None:
    Ring(memory, GEOMETRY, 1, "eth0").close()
    memory.append(0)  # fails while somebody holds a view


def test_close_while_a_consumer_still_holds_a_frame() -> None:
    import mmap

    ring = Ring(memory := mmap.mmap(-1, GEOMETRY.size), GEOMETRY, 1, "eth0")
    struct.pack_into("=IIIII", memory, 0, 1, 0, 1, 1, 48)
    struct.pack_into("=IIIIIIHHII", memory, 48, 0, 7, 0, 3, 3, 0, 82, 96, 0, 0)
    (frame,) = ring.frames()
    ring.close()
    assert bytes(frame.data) == bytes(3)
    Ring(mmap.mmap(-1, GEOMETRY.size), GEOMETRY, 1, "eth0").close()


@pytest.mark.parametrize(("megabytes", "size"), [(1, 1 << 20), (2, 2 << 20), (4, 4 << 20), (64, 64 << 20)])
def test_a_ring_is_as_large_as_asked_and_its_blocks_hold_super_packets(megabytes: int, size: int) -> None:
    geometry = Geometry.of(megabytes)
    assert geometry.size == size
    assert geometry.block_size >= 1 << 18
    assert geometry.blocks >= 4


def test_the_request_is_consistent() -> None:
    block_size, blocks, frame_size, frames, retire_ms, private, features = struct.unpack("=7I", Geometry().request())
    assert frames == blocks * (block_size // frame_size)
    assert (retire_ms, private, features) == (30, 0, 0)


def test_the_default_rides_out_a_pause_of_a_second_and_a_half_on_a_quiet_link() -> None:
    geometry = Geometry.of(16)  # capture.ring_mb
    assert geometry.blocks * geometry.retire_ms > 1_500
