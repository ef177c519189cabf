"""A capture on its way through a pipeline: steps, and where they belong."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from egret.cli.capture import Captures
from egret.cli.steps import END, Ended, Entangled, Found, PartialStep, Passed, Place, Turned, in_order, moved
from egret.model import Role
from egret.track.share import Share
from egret.worker.pipeline import Hit, Pipeline

if TYPE_CHECKING:
    from egret.worker.partial import PartialPipeline

Placed = tuple[Place, PartialStep]

_new = tuple.__new__
_HELD = 64  # steps, at the most, until it is looked whether they stand
_QUIET_TURNS = 64  # seconds without a step; then a process says that it is here all the same


class Reading:
    """One file on its way through a pipeline."""

    def __init__(self, pipeline: Pipeline, prove: Callable[[Hit], Hit]) -> None:
        self._pipeline = pipeline
        self._prove = prove
        self._turn = 0
        self._seen = 0  # frames that the gate let through
        self._turns: deque[Placed] = deque()  # what came to light at them, and nobody took yet
        pipeline.on_turn = self._turned
        pipeline.hear_in_runs(self._heard)

    def steps(self, captures: Captures, path: str) -> Iterator[Placed]:
        """What is found, in order."""
        pipeline, gate, relays = self._pipeline, self._pipeline.gate, self._pipeline.relays
        sluice = gate.sluice
        ended_ns = passed_ns = 0
        for seen, frame in enumerate(captures.frames(path, gate), 1):
            self._seen = seen
            hits = pipeline.feed(frame)
            while self._turns:
                yield self._turns.popleft()
            if hits or relays.fresh:
                yield self._found(seen + gate.skipped, hits)
            ended_ns, passed_ns = frame.time_ns, sluice.last_ns
        yield from self._turns
        self._turns.clear()
        last = pipeline.flush()
        yield END, Found((), in_order(map(self._prove, last)))
        yield END, moved(pipeline.take_volumes())
        counts = dict(pipeline.take_counts())
        counts |= {("evictions", table): n for table, n in pipeline.observer.counters.evictions.items()}
        last_ns = gate.last_ns  # what it let through since then, it has seen after that frame
        yield END, Ended(ended_ns if last_ns == passed_ns else last_ns, counts)

    def _heard(self, marks: Sequence[tuple[bytes, Role, int]], hits: Sequence[Hit]) -> None:
        """Look-ups were heard where they lie; the next frame that comes brings them along.

        They come where one process reads all: to none of them need a place be told apart.
        """
        place = _new(Place, (self._turn, self._seen + 1))
        self._turns.append((place, _new(Found, (tuple(marks), tuple(map(self._prove, hits))))))

    def _found(self, frame: int, hits: Sequence[Hit]) -> Placed:
        relays, prove = self._pipeline.relays, self._prove
        marks = tuple(relays.take_marks()) if relays.fresh else ()
        return _new(Place, (self._turn, frame)), _new(Found, (marks, tuple([prove(hit) for hit in hits])))

    def _turned(self, hits: list[Hit]) -> None:
        """A second has turned, and the observer has looked about."""
        self._turn += 1
        place = Place(self._turn, 0)
        marks, volumes = self._pipeline.relays.take_marks(), self._pipeline.take_volumes()
        if hits or marks:
            self._turns.append((place, Found(tuple(marks), in_order(map(self._prove, hits)))))
        if volumes:
            self._turns.append((place, moved(volumes)))


class PartialReading(Reading):
    """The same of one of several processes that share the file."""

    def __init__(self, pipeline: PartialPipeline, prove: Callable[[Hit], Hit], share: Share) -> None:
        super().__init__(pipeline, prove)
        self._partial = pipeline
        self._is_first = share.number == 0

    def sure_steps(self, captures: Captures, path: str) -> Iterator[Placed]:
        """The steps that one process would have taken as well, each turn's when it is over; and how far it is.

        The last one is Ended, or Entangled where that could not be known any more.
        """
        held: list[Placed] = []
        quiet, since = 0, Place(0, 0)
        for place, step in self.steps(captures, path):
            if self._partial.entangled:
                break
            if isinstance(step, Turned):
                quiet = 0 if held else quiet + 1
                ripe = quiet % _QUIET_TURNS == 0
            else:
                held.append((place, step))
                ripe = len(held) >= _HELD and place != END
            if ripe:
                yield since, self._passed()
                yield from held
                held.clear()
                since = place
        if why := self._partial.entangled:
            yield since, Entangled(why)
        else:
            yield since, self._passed()
            yield from held

    def _passed(self) -> Passed:
        return Passed(self._partial.observer.remembers)

    def steps(self, captures: Captures, path: str) -> Iterator[Placed]:
        """As ``Reading.steps``; only what is this one's to say."""
        for place, step in super().steps(captures, path):
            if not isinstance(step, Found):
                yield place, step
            elif step.hits or (step.marks and self._is_first):  # all see who speaks for others
                yield place, Found(step.marks if self._is_first else (), step.hits)

    def _turned(self, hits: list[Hit]) -> None:
        self._turns.append((Place(self._turn + 1, 0), Turned()))
        super()._turned(hits)
