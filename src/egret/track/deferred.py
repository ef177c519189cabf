"""What answers teach is learnt when somebody asks.

Few connections lack a name, and only those ask what an address is called. So an answer is kept as it was on the wire,
and read in its turn when a question about its client comes; most are never read. A client's answers are read
in the order in which they came, so what is known then is what would have been known at once.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

_ENTRY = 160  # bytes of bookkeeping that one answer costs beside its own

Learn = Callable[[bytes, int, bytes], None]  # takes the client, the time and one message


class Deferred:
    """Answers that were not read yet, by client.

    Args:
        limit: bytes in all; beyond it those of the client heard of longest ago are dropped.
        evictions: counts what is dropped, as ``answers``: that is where it would have gone.
        learn: reads one message.
    """

    def __init__(self, limit: int, evictions: Counter[str], learn: Learn) -> None:
        self._limit = limit
        self._evictions = evictions
        self._learn = learn
        self._waiting: OrderedDict[bytes, list[tuple[int, bytes]]] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, client: bytes, time_ns: int, wire: bytes) -> None:
        """Keep one answer that *client* got."""
        waiting = self._waiting.get(client)
        if waiting is None:
            waiting = self._waiting[client] = []
        else:
            self._waiting.move_to_end(client)
        waiting.append((time_ns, wire))
        self._held += len(wire) + _ENTRY
        if self._held > self._limit:
            self._make_room()

    def settle(self, client: bytes) -> None:
        """Read what *client* was told."""
        waiting = self._waiting.pop(client, None)
        if waiting is not None:
            self._uncount(waiting)
            for time_ns, wire in waiting:
                self._learn(client, time_ns, wire)

    def _make_room(self) -> None:
        """Drop the client heard of longest ago; of the only one the older half."""
        client, waiting = next(iter(self._waiting.items()))
        dropped = waiting if len(self._waiting) > 1 else waiting[: (len(waiting) + 1) // 2]
        self._waiting[client] = waiting[len(dropped) :]
        if not self._waiting[client]:
            del self._waiting[client]
        self._uncount(dropped)
        self._evictions["answers"] += len(dropped)

    def _uncount(self, entries: list[tuple[int, bytes]]) -> None:
        self._held -= sum(len(wire) + _ENTRY for _, wire in entries)
