from __future__ import annotations

from egret.worker.plain import Buffer
from egret.worker.walks import Walks
from tests.support.sluices import CLOCKS, as_pcapng, as_ring

RECORDS = [(bytes([number]) * 60, 60 + number, number) for number in range(5)]


class Until(Walks):
    """Takes all frames before one of a length."""

    def __init__(self, wire_length: int) -> None:
        self.wire_length = wire_length
        self.seen: list[tuple[bytes, str | None, int]] = []

    def skip(
        self,
        buffer: Buffer,
        start: int,
        end: int,
        _time_ns: int,
        wire_length: int,
        interface: str | None = None,
        linktype: int = 1,
    ) -> bool:
        self.seen.append((bytes(buffer[start:end]), interface, linktype))
        return wire_length != self.wire_length


def test_blocks_of_pcapng_up_to_one_that_is_left() -> None:
    data = as_pcapng(RECORDS, "<")
    walk = Until(63)
    assert walk.pcapng(data, 0, "<", CLOCKS) == (3 * 92, 3)
    assert walk.seen == [(record[0], "lan1", 1) for record in RECORDS[:4]]
    assert Until(0).pcapng(data[:-1], 0, "<", CLOCKS) == (4 * 92, 4)
    assert Until(0).pcapng(data, 0, "<", CLOCKS[:3]) == (0, 0)
    assert Until(0).pcapng(data, 0, ">", CLOCKS) == (0, 0)


def test_frames_of_a_ring_up_to_one_that_is_left() -> None:
    memory = as_ring(RECORDS)
    walk = Until(62)
    assert walk.ring(memory, 0, 9, len(memory), "lan0") == (2 * (82 + 60), 2)
    assert walk.seen == [(record[0], "lan0", 1) for record in RECORDS[:3]]
    assert Until(0).ring(memory, 0, 4, len(memory), "lan0") == (4 * (82 + 60), 4)
    assert Until(0).ring(memory, 0, 9, len(memory) - 1, "lan0")[1] == 4
