"""What every source of frames is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from mmap import mmap
from typing import Protocol

from egret.model import Frame

# Called now and then with the bytes read so far and the size of the whole (None: not known).
Progress = Callable[[int, int | None], None]

# Of a pcapng interface: link type; ns = units * second // third + fourth; name.
Clock = tuple[int, int, int, int, str | None]


class Mapped(Protocol):
    """A part of a file as memory."""

    def __buffer__(self, flags: int, /) -> memoryview:
        """Its bytes, read only."""
        ...

    @property
    def broken(self) -> bool:
        """Whether some of it could not be read, and is zeros: the file was cut off meanwhile."""
        ...


class Sluice(Protocol):
    """Takes frames where they lie, so that no Frame need be made of them.

    Each call goes over the records of one format from *position* on, as long as they are whole, plain and nothing
    more need be done about them. It says where it stopped, and how many records are before that.
    """

    def pcap(
        self, window: bytes | memoryview, position: int, order: str, header: int, scale: int, linktype: int, /
    ) -> tuple[int, int]:
        """Of a pcap file: its byte order as ``struct`` writes it, a record header's size, the fraction's unit in ns."""
        ...

    def pcapng(self, window: bytes | memoryview, position: int, order: str, clocks: Sequence[Clock]) -> tuple[int, int]:
        """Enhanced Packet Blocks of a pcapng section, whose interfaces have these *clocks*."""
        ...

    def ring(
        self, memory: mmap | bytearray, position: int, count: int, end: int, interface: str, linktype: int, /
    ) -> tuple[int, int]:
        """At most *count* frames of a TPACKET_V3 block that ends at *end*."""
        ...

    def map(self, descriptor: int, offset: int, size: int, /) -> Mapped | None:
        """A part of a file as memory, from a whole page on; None if this knows of no such thing.

        Raises:
            OSError: it cannot be mapped.
        """
        ...

    @property
    def last_ns(self) -> int:
        """When the last frame came that was asked about."""
        ...


class Source(Protocol):
    """A place frames come from, in the order of capture.

    ``frames`` may be walked once. It yields what can be read, then ends; or raises ``SourceError`` that
    says where it broke and what to do. A frame's data dies when the next one is asked for.
    """

    name: str

    def frames(self, sluice: Sluice | None = None) -> Iterator[Frame]:
        """Yield every frame that can be read, but those that *sluice* takes."""
        ...

    def close(self) -> None:
        """Let go of files and sockets; safe to call twice."""
        ...
