"""One capture through the pipeline, in steps: what a replay folds, whichever process found it."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from egret.catalog.match import Catalog
from egret.cli.capture import Captures
from egret.daemon.setup import Knowledge, measured_classes, relays
from egret.judge.unnamed import UNNAMED
from egret.model import Role, Signature, Volume
from egret.worker.pipeline import Hit, Pipeline
from egret.worker.proving import Prover
from egret.worker.scope import Scope

_TELL_NS = 1_000_000_000  # as often as a live worker tells what was moved


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, and who was seen before them to speak for others: packed address, as what, when."""

    marks: tuple[tuple[bytes, Role, int], ...]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """What clients and services moved since the last such step."""

    volumes: tuple[Volume, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The file ended: the time of its last frame (0 without one), and what was counted."""

    time_ns: int
    counts: Mapping[tuple[str, ...], int]


Step = Found | Moved | Ended


class Scan:
    """Takes captures through a pipeline each.

    Args:
        knowledge: what is matched.
        prove: whether hits carry what may be kept of their messages.
    """

    def __init__(self, knowledge: Knowledge, *, prove: bool) -> None:
        self._knowledge = knowledge
        self._prove = prove

    def __call__(self, captures: Captures, path: str) -> Iterator[Step]:
        """The steps of one file, in order."""
        pipeline = self._pipeline()
        prove = Prover(pipeline.observer.lookups.told) if self._prove else _as_it_is
        ended_ns = told_ns = passed_ns = 0
        for frame in captures.frames(path, pipeline.gate):
            if hits := pipeline.feed(frame):
                yield Found(tuple(pipeline.relays.take_marks()), tuple(map(prove, hits)))
            ended_ns, passed_ns = frame.time_ns, pipeline.gate.last_ns
            if abs(ended_ns - told_ns) > _TELL_NS:
                told_ns = ended_ns
                if volumes := pipeline.take_volumes():
                    yield Moved(tuple(volumes))
        yield Found((), tuple(map(prove, pipeline.flush())))
        yield Moved(tuple(pipeline.take_volumes()))
        counts = dict(pipeline.take_counts())
        counts |= {("evictions", table): n for table, n in pipeline.observer.counters.evictions.items()}
        last_ns = pipeline.gate.last_ns  # what it let through since then, it has seen after that frame
        yield Ended(ended_ns if last_ns == passed_ns else last_ns, counts)

    def _pipeline(self) -> Pipeline:
        knowledge, config = self._knowledge, self._knowledge.config
        inside = [str(network) for network in config.networks.inside] or None
        return Pipeline(
            knowledge.catalog,
            knowledge.judge,
            Scope(inside, relays(config)),
            resolvers=knowledge.resolvers,
            measured=measured_classes(config),
        )

    def dump(self, step: Step) -> bytes:
        """A step for another process that has the same catalogue."""
        if isinstance(step, Found):
            step = replace(step, hits=tuple(map(_without_raw, step.hits)))
        written = io.BytesIO()
        _Pickler(written).dump(step)
        return written.getvalue()

    def load(self, data: bytes) -> Step:
        """What ``dump`` gave, in a process that forked the one where it was called."""
        step: Step = _Unpickler(io.BytesIO(data), self._knowledge.catalog).load()
        return step


def _as_it_is(hit: Hit) -> Hit:
    return hit


def _without_raw(hit: Hit) -> Hit:
    """Its proof was made: the message itself is of no more use."""
    return hit._replace(event=replace(hit.event, raw=None))


def _proxy(proxy: Mapping[str, object]) -> tuple[type[Mapping[str, object]], tuple[dict[str, object]]]:
    return MappingProxyType, (dict(proxy),)


class _Pickler(pickle.Pickler):
    """Signatures by their ids: both sides have them."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.dispatch_table = {**copyreg.dispatch_table, MappingProxyType: _proxy}

    def persistent_id(self, obj: object) -> str | None:
        return obj.id if isinstance(obj, Signature) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, catalog: Catalog) -> None:
        super().__init__(file)
        self._catalog = catalog

    def persistent_load(self, pid: str) -> Signature:
        return self._catalog.get(pid) or UNNAMED[pid]
