"""Stand-ins at the edges of a worker and a daemon: a source of given frames, and channels in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.base import Sluice
from egret.sources.live import LinkStatistics


class FakeSource:
    """Gives its frames, a batch a read; then *when_empty* is called."""

    def __init__(self, batches: Sequence[Sequence[Frame]], when_empty: Callable[[], None]) -> None:
        self._batches = list(batches)
        self._when_empty = when_empty
        self.received = 0
        self.closed = False

    def read(self, timeout_s: float, sluice: Sluice | None = None) -> Iterator[Frame]:
        if not self._batches:
            self._when_empty()
            return
        for frame in self._batches.pop(0):
            self.received += 1
            yield frame

    def statistics(self) -> list[LinkStatistics]:
        return [LinkStatistics("lan0", self.received, 2, 0, up=True)]

    def close(self) -> None:
        self.closed = True


class FakeRing:
    """Gives its frames once."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.followed: list[list[bytes]] = []
        self.dropped = self.left_out = 0
        self.trouble: SourceError | None = None
        self.closed = False

    def follow(self, addresses: Sequence[bytes]) -> int:
        if self.trouble is not None:
            raise self.trouble
        self.followed.append(list(addresses))
        return self.left_out

    def read(self) -> Iterator[Frame]:
        while self.frames:
            yield self.frames.pop(0)

    def statistics(self) -> list[LinkStatistics]:
        return [LinkStatistics("lan0", 0, self.dropped, 0, up=True)]

    def close(self) -> None:
        self.closed = True
