"""What every source of frames is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from egret.model import Frame

# Called now and then with the bytes read so far and the size of the whole (None: not known).
Progress = Callable[[int, int | None], None]


class Source(Protocol):
    """A place frames come from, in the order of capture.

    ``frames`` may be walked once. It yields what can be read, then ends; or raises ``SourceError`` that
    says where it broke and what to do. A frame's data dies when the next one is asked for.
    """

    name: str

    def frames(self) -> Iterator[Frame]:
        """Yield every frame that can be read."""
        ...

    def close(self) -> None:
        """Let go of files and sockets; safe to call twice."""
        ...
