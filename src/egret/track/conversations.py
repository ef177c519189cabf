"""The table of HTTP connections whose later requests are looked at. The worker has a compiled one: ``native/talks.c``.

Most of the time nothing waits in one: where its next request begins, and what the last one named, is all there is to
know. So much is a few bytes, from which a conversation is made anew when somebody asks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Generic, NamedTuple, Protocol, TypeVar

from egret.track.tables import LruTable

NAME = "http_flows"
C = TypeVar("C")


class Rest(NamedTuple):
    """A conversation in which nothing waits."""

    ends: bytes  # from client to server, as they lie in a frame
    interface: str | None
    seq: int  # where the next request begins
    host: bytes  # the one name that the last request said


class ConversationTable(Protocol[C]):
    """What ``Requests`` keeps its conversations in, by the keys of their clients' directions."""

    @property
    def keys(self) -> Collection[int]:
        """What is there now and later."""
        ...

    def __len__(self) -> int:
        """How many."""
        ...

    def get(self, key: int, /) -> C | None:
        """Look up; it keeps its age. One at rest is made anew."""
        ...

    def resting(self, key: int, /) -> tuple[bytes, str | None, int, bytes] | None:
        """What is kept of one at rest: a ``Rest``."""
        ...

    def touch(self, key: int, /) -> None:
        """Make it the youngest."""
        ...

    def put(self, key: int, conversation: C, /) -> None:
        """Put one as the youngest, which may push out the oldest."""
        ...

    def pop(self, key: int, /) -> C | None:
        """Take one out; of one at rest nothing is said."""
        ...

    def rest(self, key: int, ends: bytes, interface: str | None, seq: int, host: bytes, /) -> None:
        """Keep of one no more than this, as the youngest, which may push out the oldest."""
        ...


class Conversations(Generic[C]):
    """As ``ConversationTable``.

    Args:
        limit: entries.
        evictions: where those are counted that had to go.
        restored: makes one of its rest.
        dropped: called with one that had to go, unless it was at rest.
    """

    def __init__(
        self, limit: int, evictions: Counter[str], restored: Callable[..., C], dropped: Callable[[C], object]
    ) -> None:
        self._table: LruTable[int, C | Rest] = LruTable(NAME, limit, evictions)
        self._restored = restored
        self._dropped = dropped
        self.touch = self._table.touch

    def __len__(self) -> int:
        return len(self._table)

    @property
    def keys(self) -> Collection[int]:
        """What is there now and later."""
        return self._table.keys

    def get(self, key: int) -> C | None:
        """Look up; it keeps its age. One at rest is made anew."""
        found = self._table.get(key)
        if isinstance(found, Rest):
            found = self._restored(*found)
            self._table.exchange(key, found)
        return found

    def resting(self, key: int) -> Rest | None:
        """What is kept of one at rest."""
        found = self._table.get(key)
        return found if isinstance(found, Rest) else None

    def put(self, key: int, conversation: C) -> None:
        """Put one as the youngest, which may push out the oldest."""
        self._put(key, conversation)

    def pop(self, key: int) -> C | None:
        """Take one out; of one at rest nothing is said."""
        found = self._table.pop(key)
        return None if isinstance(found, Rest) else found

    def rest(self, key: int, ends: bytes, interface: str | None, seq: int, host: bytes) -> None:
        """Keep of one no more than this, as the youngest, which may push out the oldest."""
        self._put(key, Rest(ends, interface, seq, host))

    def _put(self, key: int, entry: C | Rest) -> None:
        evicted = self._table.put(key, entry)
        if evicted is not None and not isinstance(evicted, Rest):
            self._dropped(evicted)
