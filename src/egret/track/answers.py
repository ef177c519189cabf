"""Names learnt from DNS answers: what a client was told an address is called.

A flow without a name of its own (no SNI, an unknown protocol) is named by the last answer that gave
its client that address. It is an inference, marked ``NamedBy.ANSWER``: many names share an address.
"""

from __future__ import annotations

from collections import Counter

from egret.track.limits import SECOND_NS, Limits
from egret.track.tables import LruTable


class Answers:
    """(client, address) to the name that was asked for, as long as the client may use it."""

    def __init__(self, limits: Limits, evictions: Counter[str]) -> None:
        self._limits = limits
        self._names: LruTable[tuple[bytes, bytes], tuple[str, int]] = LruTable("answers", limits.answers, evictions)

    def __len__(self) -> int:
        return len(self._names)

    def learn(self, client: bytes, address: bytes, name: str, ttl_s: int, time_ns: int) -> None:
        """Remember that *client* was told *address* for *name*, for its TTL (bounded) and a grace."""
        limits = self._limits
        kept_s = min(max(ttl_s, limits.answer_floor_s), limits.answer_ceiling_s) + limits.answer_grace_s
        self._names.put((client, address), (name, time_ns + kept_s * SECOND_NS))

    def name_of(self, client: bytes, address: bytes, time_ns: int) -> str | None:
        """The name that *client* last got for *address*; None if none, or none that still counts."""
        known = self._names.get((client, address))
        if known is None or time_ns > known[1]:
            return None
        return known[0]
