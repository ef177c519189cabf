"""The table of what is known between QUIC clients and servers. The worker has a compiled one: ``native/pairs.c``.

That one keeps most of its pairs as a few bytes, for they never become a ``Pair`` that anybody asks for; ``restored``
makes one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from egret.track.attempt import Attempt, Pair
from egret.track.tables import LruTable, set_back, unused_since

NAME = "quic_flows"


class PairTable(Protocol):
    """What ``QuicFlows`` keeps its pairs in, by the hashes of their ends."""

    held: int  # bytes of memory that all attempts take

    def __len__(self) -> int:
        """How many."""
        ...

    def get(self, key: int, /) -> Pair | None:
        """Look up; the pair keeps its age."""
        ...

    def touch(self, key: int, /) -> None:
        """Make it the youngest."""
        ...

    def put(self, key: int, pair: Pair, /) -> Pair | None:
        """Put a pair as the youngest. Returns the pair that had to go, if one had to."""
        ...

    def evict(self) -> Pair | None:
        """Drop the oldest one, counted."""
        ...

    def pop(self, key: int, /) -> object:
        """Take one out; not an eviction."""
        ...

    def oldest(self) -> Pair | None:
        """The one to go next."""
        ...

    def unused_since(self, time_ns: int, silent_ns: int, /) -> list[Pair]:
        """Those last used at *time_ns* or earlier, oldest first.

        Such as have no open attempt may be left out, and are forgotten then if last used at *silent_ns* or earlier.
        """
        ...

    def set_back(self, time_ns: int, /) -> None:
        """Time was set back: nothing was last used later than *time_ns*."""
        ...


class Pairs(LruTable[int, Pair]):
    """As ``PairTable``."""

    __slots__ = ("held",)

    def __init__(self, limit: int, evictions: Counter[str]) -> None:
        super().__init__(NAME, limit, evictions)
        self.held = 0

    def oldest(self) -> Pair | None:
        """The one to go next."""
        return next((pair for _, pair in self.oldest_first()), None)

    def unused_since(self, time_ns: int, _silent_ns: int) -> list[Pair]:
        """All those last used at *time_ns* or earlier, oldest first."""
        return unused_since(self, time_ns)

    def set_back(self, time_ns: int) -> None:
        """Time was set back: nothing was last used later than *time_ns*."""
        set_back(self, time_ns)


def restored(
    ends: bytes,
    interface: str | None,
    dcid: bytes,
    has_token: bool,
    done: bool,
    server_ids: tuple[bytes, ...],
    runs: Sequence[tuple[int, bytes]],
    last_ns: int,
) -> Pair:
    """The pair of which a compiled table kept this: of one attempt of version 1.

    Args:
        ends: from client to server, as they lie in a frame.
        interface: where it was seen.
        dcid: the id that the attempt began with.
        has_token: whether it came with a token.
        done: whether its hello was counted.
        server_ids: that the server chose.
        runs: of the hello what is here, as offsets and bytes.
        last_ns: when it was last used.
    """
    pair = Pair(hash(ends), ends, interface)
    pair.attempts.append(Attempt.resumed(dcid, has_token, runs, done=done))
    pair.server_ids, pair.last_ns, pair.cost = server_ids, last_ns, pair.now()
    return pair
