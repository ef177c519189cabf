"""What every source of frames is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from mmap import mmap
from typing import Protocol

from egret.model import Frame

# Called now and then with the bytes read so far and the size of the whole (None: not known).
Progress = Callable[[int, int | None], None]


# Takes one Ethernet frame where it lies, with its time in ns and its length on the wire. True: it is done with, and no
# Frame need be made of it.
Skip = Callable[[bytes | bytearray | mmap, int, int, int, int, str | None], bool]
ETHERNET = 1  # LINKTYPE_ETHERNET


class Source(Protocol):
    """A place frames come from, in the order of capture.

    ``frames`` may be walked once. It yields what can be read, then ends; or raises ``SourceError`` that
    says where it broke and what to do. A frame's data dies when the next one is asked for.
    """

    name: str

    def frames(self, skip: Skip | None = None) -> Iterator[Frame]:
        """Yield every frame that can be read, but those that *skip* takes."""
        ...

    def close(self) -> None:
        """Let go of files and sockets; safe to call twice."""
        ...
