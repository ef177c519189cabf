"""Names learnt from DNS answers: what a client was told an address is called.

A flow without a name of its own (no SNI, an unknown protocol) is named by the last answer that gave
its client that address. It is an inference, marked ``NamedBy.ANSWER``: many names share an address.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from egret.track.limits import SECOND_NS, Limits
from egret.track.tables import LruTable

MAX_FRESH = 4_096  # learnt and not taken; what is beyond it outlives no restart
_new = tuple.__new__


class Learnt(NamedTuple):
    """One name that outlives the process that learnt it."""

    client: bytes
    address: bytes
    name: str
    until_ns: int


def nothing_waits(_client: bytes) -> None:
    """Where answers are learnt at once."""


class Answers:
    """(client, address) to the name that was asked for, as long as the client may use it.

    Args:
        limits: how many, how long.
        evictions: counts what falls out.
        flagged: whether a name may outlive this process. Only such are kept for ``take_fresh``: a list of all that
            anybody looked up is nobody's business.
        heed: hears of each answer for a flagged name: name, addresses, time.
    """

    def __init__(
        self,
        limits: Limits,
        evictions: Counter[str],
        flagged: Callable[[str], bool] | None = None,
        heed: Callable[[str, Iterable[bytes], int], None] | None = None,
    ) -> None:
        self._limits = limits
        self._flagged = flagged
        self._heed = heed
        self.catch_up: Callable[[bytes], None] = nothing_waits  # reads what a client was told and nobody read yet
        self._fresh: deque[Learnt] = deque(maxlen=MAX_FRESH)
        self._names: LruTable[tuple[bytes, bytes], tuple[str, int]] = LruTable("answers", limits.answers, evictions)

    def __len__(self) -> int:
        return len(self._names)

    def is_flagged(self, name: str) -> bool:
        """Whether *name* may outlive this process."""
        return self._flagged is not None and self._flagged(name)

    def learn(self, client: bytes, address: bytes, name: str, ttl_s: int, time_ns: int) -> None:
        """Remember that *client* was told *address* for *name*, for its TTL (bounded) and a grace."""
        until_ns = time_ns + self._kept_ns(ttl_s)
        self._names.put((client, address), (name, until_ns))

    def keep(self, client: bytes, addresses: Iterable[bytes], name: str, ttl_s: int, time_ns: int) -> bool:
        """Have what was learnt outlive this process, if the name is flagged; whether it is."""
        if self._flagged is None or not self._flagged(name):
            return False
        until_ns, fresh = time_ns + self._kept_ns(ttl_s), self._fresh
        for address in addresses:
            fresh.append(_new(Learnt, (client, address, name, until_ns)))
        if self._heed is not None:
            self._heed(name, addresses, time_ns)
        return True

    def _kept_ns(self, ttl_s: int) -> int:
        limits = self._limits
        return (min(max(ttl_s, limits.answer_floor_s), limits.answer_ceiling_s) + limits.answer_grace_s) * SECOND_NS

    def take_fresh(self) -> list[Learnt]:
        """The flagged names that were learnt since the last call."""
        fresh = list(self._fresh)
        self._fresh.clear()
        return fresh

    def restore(self, learnt: Iterable[Learnt]) -> None:
        """Take names that an earlier process learnt; what was learnt since stays."""
        for each in learnt:
            if self._names.get((each.client, each.address)) is None:
                self._names.put((each.client, each.address), (each.name, each.until_ns))

    def name_of(self, client: bytes, address: bytes, time_ns: int) -> str | None:
        """The name that *client* last got for *address*; None if none, or none that still counts."""
        self.catch_up(client)
        known = self._names.get((client, address))
        if known is None or time_ns > known[1]:
            return None
        return known[0]
