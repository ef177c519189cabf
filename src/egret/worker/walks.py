"""Goes over frames one by one, where they lie in blocks of pcapng and in those of a ring."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from mmap import mmap
from struct import Struct

from egret.decode.link import ETHERNET
from egret.track.limits import SECOND_NS
from egret.worker.plain import Buffer

LATEST = 1 << 62  # ns; a time beyond it, or before 1970, was never meant

# Of a pcapng interface: link type; ns = units * second // third + fourth; name.
Clock = tuple[int, int, int, int, str | None]

_PACKET_BLOCK, _SMALLEST_BLOCK, _RING_HEADER, _RING_HEADER_SIZE = 6, 32, "=IIIIIIH", 26


class Walks(ABC):
    """What a sluice can do that knows of one frame whether it is to be taken."""

    @abstractmethod
    def skip(
        self,
        buffer: Buffer,
        start: int,
        end: int,
        time_ns: int,
        wire_length: int,
        interface: str | None = None,
        linktype: int = ETHERNET,
    ) -> bool:
        """Count the frame at ``buffer[start:end]`` and say True; or False, and it is the observer's."""

    def pcapng(self, window: bytes | memoryview, position: int, order: str, clocks: Sequence[Clock]) -> tuple[int, int]:
        """Go over the Enhanced Packet Blocks of a pcapng file, whose interfaces have these *clocks*; as ``pcap``."""
        unpack, skip = Struct(order + "IIIIIII").unpack_from, self.skip
        end, taken = len(window), 0
        while position <= end - _SMALLEST_BLOCK:
            kind, length, number, high, low, captured, original = unpack(window, position)
            after = position + length
            if kind != _PACKET_BLOCK or length & 3 or captured > length - _SMALLEST_BLOCK or after > end:
                break
            if number >= len(clocks) or captured > original:
                break
            linktype, multiply, divide, offset_ns, interface = clocks[number]
            start, time_ns = position + 28, (high << 32 | low) * multiply // divide + offset_ns
            if not 0 <= time_ns < LATEST:
                break
            if not skip(window, start, start + captured, time_ns, original, interface, linktype):
                break
            taken += 1
            position = after
        return position, taken

    def ring(
        self, memory: mmap | bytearray, position: int, count: int, end: int, interface: str, linktype: int = ETHERNET
    ) -> tuple[int, int]:
        """Go over at most *count* frames of a ring's block that ends at *end*; as ``pcap``."""
        unpack, skip, taken = Struct(_RING_HEADER).unpack_from, self.skip, 0
        while taken < count and position <= end - _RING_HEADER_SIZE:
            step, seconds, nanoseconds, captured, original, _status, place = unpack(memory, position)
            start = position + place
            if start + captured > end:
                break
            time_ns = seconds * SECOND_NS + nanoseconds
            if not skip(memory, start, start + captured, time_ns, original, interface, linktype):
                break
            taken += 1
            position += step
        return position, taken


class InPython:
    """What only the compiled gate can do, which is nothing here."""

    def listen(self) -> None:
        """Look-ups of what a signature names are handed over as frames all the same."""

    def hear_in_runs(self, _read_question: object, _on_run: object, /) -> None:
        """Python hears them one by one."""

    @staticmethod
    def take_heard() -> tuple[bytes, bytes] | None:
        """The message and the ends of the look-up in the frame that was left to the observer just now, if it was heard.

        It is no copy, and nobody wants more of it than what it says.
        """
        return None

    @staticmethod
    def map(_descriptor: int, _offset: int, _size: int, /) -> None:
        """Memory whose file may be cut off is nothing for Python."""
