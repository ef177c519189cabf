"""What answers teach is learnt when somebody asks.

Few connections lack a name, and only those ask what an address is called. So an answer is kept as it was on the wire,
and read in its turn when a question about its client comes; most are never read. A client's answers are read
in the order in which they came, so what is known then is what would have been known at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from egret.track.waiting import Waiting, Waits

Learn = Callable[[bytes, int, bytes], None]  # takes the client, the time and one message


class Deferred:
    """Answers that were not read yet.

    Args:
        limit: bytes in all.
        evictions: counts what is dropped beyond that, as ``answers``: that is where it would have gone.
        learn: reads one message.
        learn_service: reads one that was asked for HTTPS records, for what it says of these alone; ``learn`` will read
            it once more in its turn, and finds nothing new in that.
    """

    def __init__(self, limit: int, evictions: Counter[str], learn: Learn, learn_service: Learn) -> None:
        self._evictions = evictions
        self._learn = learn
        self._learn_service = learn_service
        self.waiting: Waits = Waiting(limit)

    def __len__(self) -> int:
        return len(self.waiting)

    def add(self, client: bytes, time_ns: int, wire: bytes) -> None:
        """Keep one answer that *client* got."""
        self.waiting.add(client, time_ns, wire)

    def settle(self, client: bytes) -> None:
        """Read what *client* was told."""
        for time_ns, wire in self.waiting.take(client):
            self._learn(client, time_ns, wire)

    def settle_services(self, client: bytes) -> None:
        """Read what *client* was told about HTTPS records, ahead of the rest: browsers make one ask all the time."""
        for time_ns, wire in self.waiting.services(client):
            self._learn_service(client, time_ns, wire)

    def count(self) -> None:
        """Add what was dropped since the last time to the evictions."""
        dropped = self.waiting.take_dropped()
        if dropped:
            self._evictions["answers"] += dropped
