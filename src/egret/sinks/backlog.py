"""What waits for one sink: alerts and digests, in order, bounded, each once.

When it is full, the oldest of the lowest severity makes room. An alert that was taken keeps its place until it is
settled: put back, it is again where it was, so a receiver gets the alerts of an incident in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from egret.alerts.messages import Message
from egret.model import Severity


class _Place(NamedTuple):
    number: int
    since_s: float  # when it came, on the clock of whoever asks ``expire``


class _Waiting(NamedTuple):
    place: _Place
    alert: Message


class Backlog:
    """Alerts that wait, oldest first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_rank: dict[int, deque[_Waiting]] = {severity.rank: deque() for severity in Severity}
        self._places: dict[str, _Place] = {}  # of those that wait and those that were taken and not settled
        self._count = 0
        self._next = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, alert_id: str) -> bool:
        return alert_id in self._places

    def put(self, alert: Message, since_s: float = 0.0) -> Message | None:
        """Add *alert*, which must not be in it; the one that had to go for it, which may be itself."""
        self._places[alert.id] = place = _Place(self._next, since_s)
        self._next += 1
        self._by_rank[alert.severity.rank].append(_Waiting(place, alert))
        self._count += 1
        if self._count <= self._limit:
            return None
        lowest = min(rank for rank, waiting in self._by_rank.items() if waiting)
        self._count -= 1
        lost = self._by_rank[lowest].popleft().alert
        del self._places[lost.id]
        return lost

    def take(self, limit: int, skip: int = 0) -> list[Message]:
        """Remove and give up to *limit* alerts in the order they came; the first *skip* stay, if there are others."""
        passed = self._pop(skip) if skip < self._count else []
        taken = self._pop(limit)
        self.put_back(passed)
        return taken

    def _pop(self, limit: int) -> list[Message]:
        taken: list[Message] = []
        while self._count and len(taken) < limit:
            oldest = min((rank for rank in self._by_rank.values() if rank), key=lambda rank: rank[0].place)
            taken.append(oldest.popleft().alert)
            self._count -= 1
        return taken

    def put_back(self, alerts: Iterable[Message]) -> None:
        """Put alerts that were taken where they were; the bound does not apply until the next comes."""
        for alert in alerts:
            rank = alert.severity.rank
            rows = [*self._by_rank[rank], _Waiting(self._places[alert.id], alert)]
            self._by_rank[rank] = deque(sorted(rows, key=lambda waiting: waiting.place))
            self._count += 1

    def settle(self, alerts: Iterable[Message]) -> None:
        """Forget alerts that were taken: they are with the receiver, or never will be."""
        for alert in alerts:
            self._places.pop(alert.id, None)

    def expire(self, before_s: float) -> list[Message]:
        """Remove what came before *before_s*."""
        return self._remove(lambda waiting: waiting.place.since_s < before_s)

    def drop(self, unwanted: Callable[[Message], bool]) -> list[Message]:
        """Remove what is *unwanted*."""
        return self._remove(lambda waiting: unwanted(waiting.alert))

    def _remove(self, unwanted: Callable[[_Waiting], bool]) -> list[Message]:
        gone: list[Message] = []
        for rank, waiting in self._by_rank.items():
            out = [each.alert for each in waiting if unwanted(each)]
            if out:
                left = {alert.id for alert in out}
                self._by_rank[rank] = deque(each for each in waiting if each.alert.id not in left)
                gone += out
        self._count -= len(gone)
        self.settle(gone)
        return gone
