"""The score of an open incident: the parts of its gravest detection, and what the network adds."""

from __future__ import annotations

from collections.abc import Iterable

from egret.evidence import ScorePart
from egret.judge import score
from egret.judge.points import Points

_OF_THE_NETWORK = frozenset({"first seen", "prevalence", "server", score.VOLUME, score.HOUR})


class Weighing:
    """A sum whose parts are replaced as more is known.

    Args:
        parts: of the incident so far.
        so_far: its score, which stands in for the parts where an earlier version kept none.
        points: what each reason is worth.
    """

    __slots__ = ("_network", "_own", "_points", "_total")

    def __init__(self, parts: Iterable[ScorePart], so_far: int, points: Points) -> None:
        self._points = points
        given = tuple(parts) or ((ScorePart("before", so_far, "as kept by an earlier version"),) if so_far else ())
        self._own = tuple(part for part in given if part.name not in _OF_THE_NETWORK)
        self._network = {part.name: part for part in given if part.name in _OF_THE_NETWORK}
        self._total: int | None = None  # nobody asked since it changed

    @property
    def total(self) -> int:
        """The sum of the parts, 0 to 100."""
        if self._total is None:
            self._total = score.total(self.parts)
        return self._total

    @property
    def parts(self) -> tuple[ScorePart, ...]:
        """Every summand."""
        return (*self._own, *self._network.values())

    def detection(self, parts: tuple[ScorePart, ...]) -> None:
        """Weigh one more detection: the gravest so far counts."""
        if parts != self._own and (not self._own or score.total(parts) >= score.total(self._own)):
            self._own = parts
            self._total = None

    def hour(self, time_ns: int) -> None:
        """Weigh that something came at *time_ns*."""
        hour = score.hour_part(time_ns, self._points)
        if hour is not None:
            self.network([hour])

    def volume(self, bytes_out: int | None) -> None:
        """Weigh what was sent so far, all of it."""
        part = score.volume_part(bytes_out, self._points)
        if part is not None:
            self.network([part])

    def network(self, parts: Iterable[ScorePart]) -> None:
        """Add parts of the network's, or put them in the place of those of the same name."""
        self._network |= {part.name: part for part in parts}
        self._total = None
