"""Datagrams that are seen a second time: on another interface, at a mirrored port."""

from __future__ import annotations

from typing import Protocol


class Seen(Protocol):
    """What tells copies: ``Copies``, or the compiled one of a gate."""

    @property
    def limit(self) -> int:
        """As in ``Copies``."""
        ...

    @property
    def window_ns(self) -> int:
        """As in ``Copies``."""
        ...

    def seen(self, ends: bytes, payload: bytes, time_ns: int) -> bool:
        """As ``Copies.seen``."""
        ...


class Copies:
    """When each datagram was last seen, by its hash, in two generations as ``Remembered`` has them.

    Args:
        limit: datagrams in one generation.
        window_ns: how long after the last one another is its copy.
    """

    __slots__ = ("_old", "_young", "limit", "window_ns")

    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit = limit
        self.window_ns = window_ns
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def seen(self, ends: bytes, payload: bytes, time_ns: int) -> bool:
        """Whether a datagram between *ends* is the second of its kind; the next one like it will be."""
        return self.again(hash((ends, payload)), time_ns)

    def again(self, key: int, time_ns: int) -> bool:
        """The same, given the hash of both."""
        young = self._young
        before = young.get(key)
        if before is None:
            if key in self._old:
                before = self._old.pop(key)
            if len(young) >= self.limit:
                self._old = young
                self._young = young = {}
        young[key] = time_ns
        return before is not None and abs(time_ns - before) <= self.window_ns

    def tables(self) -> tuple[dict[int, int], dict[int, int], int]:
        """Both generations, and how many ``again`` would add to the young one until it makes another.

        Until then, who asks often may add what is in neither without a call.
        """
        return self._young, self._old, self.limit - len(self._young)
