"""The table of directions of DNS over TCP. The worker has a compiled one: ``native/dns_table.c``.

Between two messages nothing of a direction waits: where the next one begins is all there is to know. So much is a few
bytes there, from which a direction is made anew when somebody asks for it.
"""

from __future__ import annotations

from collections import Counter
from typing import Generic, Protocol, TypeVar

from egret.track.tables import LruTable, Used, set_back

NAME = "dns_streams"
U = TypeVar("U", bound=Used)


class DirectionTable(Protocol[U]):
    """What ``DnsStreams`` keeps directions in, by their keys."""

    held: int  # bytes that no message has taken yet, of all directions

    def __len__(self) -> int:
        """How many."""
        ...

    def get(self, key: int, /) -> U | None:
        """Look up; it keeps its age."""
        ...

    def put(self, key: int, direction: U, /) -> U | None:
        """Put one as the youngest. Returns the one that had to go, if one had to."""
        ...

    def touch(self, key: int, /) -> None:
        """Make it the youngest."""
        ...

    def pop(self, key: int, /) -> None:
        """Take one out, of which no byte is held."""
        ...

    def evict(self) -> U | None:
        """Drop the oldest, counted."""
        ...

    def due(self, time_ns: int, wait_ns: int, silent_ns: int, /) -> list[tuple[int, U]]:
        """Those that were last heard *wait_ns* before a time, oldest first.

        Where no byte is held it need not be among them, if it goes as soon as it was quiet for *silent_ns*.
        """
        ...

    def set_back(self, time_ns: int, /) -> None:
        """Time was set back: nothing was last heard later than now."""
        ...

    def all(self) -> list[U]:
        """Every one, oldest first, of which bytes may be held."""
        ...


class Directions(Generic[U]):
    """As ``DirectionTable``."""

    def __init__(self, limit: int, evictions: Counter[str]) -> None:
        self.held = 0
        self._table: LruTable[int, U] = LruTable(NAME, limit, evictions)
        self.get, self.put, self.touch = self._table.get, self._table.put, self._table.touch
        self.evict = self._table.evict

    def __len__(self) -> int:
        return len(self._table)

    def pop(self, key: int) -> None:
        """Take one out."""
        self._table.pop(key)

    def due(self, time_ns: int, wait_ns: int, _silent_ns: int) -> list[tuple[int, U]]:
        """Those that were last heard *wait_ns* before a time, oldest first."""
        due: list[tuple[int, U]] = []
        for key, direction in self._table.oldest_first():
            if time_ns - direction.last_ns < wait_ns:
                break
            due.append((key, direction))
        return due

    def set_back(self, time_ns: int) -> None:
        """Time was set back: nothing was last heard later than now."""
        set_back(self._table, time_ns)

    def all(self) -> list[U]:
        """Every one, oldest first."""
        return [direction for _, direction in self._table.oldest_first()]
