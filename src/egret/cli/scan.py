"""One capture through the pipeline, by one process or by several that share it, in steps."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

from egret.cli.capture import Captures
from egret.cli.reading import PartialReading, Placed, Reading
from egret.cli.steps import PartialStep, Step
from egret.daemon.grounds import Grounds
from egret.track.limits import Limits
from egret.track.partial import Remembers
from egret.track.share import Share
from egret.worker.pipeline import Hit, Pipeline
from egret.worker.scope import Scope

LIMITS = Limits(  # a file may be of more than a worker sees
    decided=170_000, late_hellos=85_000, volume_peers=4_096, volume_flows=16_384
)


class Scan:
    """Takes captures through a pipeline each.

    Args:
        grounds: what is matched.
        prove: whether hits carry what may be kept of their messages.
    """

    def __init__(self, grounds: Grounds, *, prove: bool) -> None:
        self._grounds = grounds
        self._prove = prove
        self._began = False

    def __call__(self, captures: Captures, path: str) -> Iterator[Step]:
        """The steps of one file, in order."""
        if self._began:
            gc.collect()  # the last file's pipeline is a knot of references; its memory is this one's
        self._began = True
        pipeline = self._pipeline()
        pipeline.proves = self._prove
        for _, step in Reading(pipeline, self._proving(pipeline)).steps(captures, path):
            if isinstance(step, Step):
                yield step

    @property
    def most(self) -> Remembers:
        """What a process that reads all of a file can remember and not forget."""
        return Remembers(LIMITS.decided, LIMITS.late_hellos)

    def part(self, captures: Captures, path: str, share: Share) -> Iterator[Placed]:
        """The steps of a share of one file, and where they belong, in order; the last one ends it or is Entangled."""
        from egret.worker.partial import PartialPipeline  # noqa: PLC0415 (where several processes read)

        grounds = self._grounds
        pipeline = PartialPipeline(
            share,
            grounds.catalog,
            grounds.judge,
            self._scope(),
            resolvers=grounds.resolvers,
            measured=grounds.rules.measured,
            limits=LIMITS,
        )
        return PartialReading(pipeline, self._proving(pipeline), share).sure_steps(captures, path)

    def _pipeline(self) -> Pipeline:
        grounds, measured = self._grounds, self._grounds.rules.measured
        catalog, judge, resolvers = grounds.catalog, grounds.judge, grounds.resolvers
        return Pipeline(catalog, judge, self._scope(), resolvers=resolvers, measured=measured, limits=LIMITS)

    def _scope(self) -> Scope:
        rules = self._grounds.rules
        return Scope(rules.inside or None, rules.relays)

    def _proving(self, pipeline: Pipeline) -> Callable[[Hit], Hit]:
        if not self._prove:
            return _as_it_is
        from egret.worker.proving import Prover  # noqa: PLC0415 (where somebody keeps proofs)

        return Prover(pipeline.observer.lookups.told)

    @staticmethod
    def dump(step: PartialStep) -> bytes:
        """A step for another process that has the same catalogue."""
        from egret.cli.step_codec import dump  # noqa: PLC0415 (as above)

        return dump(step)

    def load(self, data: bytes) -> Any:
        """What ``dump`` gave, in a process that forked the one where it was called."""
        from egret.cli.step_codec import load  # noqa: PLC0415 (as above)

        return load(data, self._grounds.catalog)


def _as_it_is(hit: Hit) -> Hit:
    return hit
