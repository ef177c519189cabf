"""Puts the steps of processes that share a capture in the order of one that reads it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from egret.cli.reading import Placed
from egret.cli.steps import END, Ended, Entangled, Found, Moved, PartialStep, Passed, Place, Step, in_order, moved
from egret.model import Connection
from egret.track.partial import Remembers
from egret.worker.partial import FORGETFUL, LOOKUPS, PROXIED
from egret.worker.pipeline import Hit

_MAX_MET = 1 << 18  # addresses of flagged connections; more are not kept in mind
_SEVERAL = -1  # parts

TWICE = "one packet shows several connections"
MANY = "too many clients have flagged connections"


class Tangle(Exception):
    """From here on one process that reads it all might say something else."""


class Merger:
    """The steps of all parts as those of one.

    Args:
        parts: each in its order.
        most: what one process can remember and not forget.
    """

    def __init__(self, parts: Sequence[Iterator[Placed]], most: Remembers) -> None:
        self._parts = parts
        self._most = most
        self._remember = [Remembers(0, 0)] * len(parts)
        self._heads: list[Placed | None] = [None] * len(parts)
        self._asking: dict[bytes, int] = {}  # clients of what was flagged, and of which part
        self._asked: dict[bytes, int] = {}  # servers of flagged connections, and of which part

    def steps(self) -> Iterator[Step]:
        """In order.

        Raises:
            Tangle: the parts cannot be told apart any more; what was given until then stands.
        """
        for number in range(len(self._parts)):
            self._advance(number)
        while present := [head for head in self._heads if head is not None]:
            place = min(head[0] for head in present)
            yield from self._together(place, list(self._take(place)))

    def _advance(self, number: int) -> None:
        self._heads[number] = next(self._parts[number], None)

    def _take(self, place: Place) -> Iterator[tuple[int, PartialStep]]:
        """Every step of every part that belongs there."""
        for number in range(len(self._parts)):
            while (head := self._heads[number]) is not None and head[0] == place:
                yield number, head[1]
                self._advance(number)

    def _together(self, place: Place, steps: list[tuple[int, PartialStep]]) -> Iterator[Step]:
        for number, step in steps:
            if isinstance(step, Entangled):
                raise Tangle(step.why)
            if isinstance(step, Passed):
                self._pass(number, step.remembers)
        found = [(number, step) for number, step in steps if isinstance(step, Found)]
        for number, step in found:
            for hit in step.hits:
                self._meet(number, hit)
        marks = tuple(mark for _, step in found for mark in step.marks)
        hits = [hit for _, step in found for hit in step.hits]
        if place.frame and sum(bool(step.hits) for _, step in found) > 1:
            raise Tangle(TWICE)
        if found or place == END:
            yield Found(marks, tuple(hits) if place.frame else in_order(hits))
        volumes = [volume for _, step in steps if isinstance(step, Moved) for volume in step.volumes]
        if volumes or place == END:
            yield moved(volumes)
        if ended := [step for _, step in steps if isinstance(step, Ended)]:
            yield _ended(ended)

    def _pass(self, number: int, remembers: Remembers) -> None:
        """What all remember, one has to."""
        self._remember[number] = remembers
        decided, late_hellos = map(sum, zip(*self._remember, strict=True))
        if decided > self._most.decided or late_hellos > self._most.late_hellos:
            raise Tangle(FORGETFUL)

    def _meet(self, number: int, hit: Hit) -> None:
        """Whoever is asked by the clients of one part, and asks others in another one, may do so for those."""
        event = hit.event
        client, server = event.client.ip, event.server.ip
        connects = isinstance(event, Connection) or event.protocol not in LOOKUPS
        if self._asked.get(client, number) != number or (connects and self._asking.get(server, number) != number):
            raise Tangle(PROXIED)
        if self._asking.setdefault(client, number) != number:
            self._asking[client] = _SEVERAL
        if connects:
            self._asked[server] = number
        if len(self._asking) + len(self._asked) > _MAX_MET:
            raise Tangle(MANY)


def _ended(ended: Sequence[Ended]) -> Ended:
    """What all counted; of what all see, only the first one did."""
    counts: Counter[tuple[str, ...]] = Counter()
    for each in ended:
        counts.update(each.counts)
    return Ended(ended[0].time_ns, dict(counts))
