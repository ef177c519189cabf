"""What is found in a capture, in steps: what a replay folds, whichever processes found it.

A step has a place, so that those of several processes that share a capture can be put in the order of one
(``cli.division``). Where several things come to light at one turn of a second, or at the end, they are in an order that
they have of themselves.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

from egret.catalog.match import Catalog
from egret.judge.unnamed import UNNAMED
from egret.model import Role, Signature, Volume
from egret.track.partial import Remembers
from egret.track.volume_flow import sum_of
from egret.worker.pipeline import Hit


class Place(NamedTuple):
    """Where in a capture: how many turns of a second before it, and which frame; 0 for the turn itself."""

    turn: int
    frame: int


END = Place(1 << 62, 0)


class Found(NamedTuple):
    """Hits, and who was seen before them to speak for others: packed address, as what, when."""

    marks: tuple[tuple[bytes, Role, int], ...]
    hits: tuple[Hit, ...]


class Moved(NamedTuple):
    """What clients and services moved since the last such step."""

    volumes: tuple[Volume, ...]


class Ended(NamedTuple):
    """The file ended: the time of its last frame (0 without one), and what was counted."""

    time_ns: int
    counts: Mapping[tuple[str, ...], int]


Step = Found | Moved | Ended


class Passed(NamedTuple):
    """A process is here; what it says until the next such step stands, and so much it remembers then."""

    remembers: Remembers


class Entangled(NamedTuple):
    """From here on a process that reads all might say something else, and why."""

    why: str


class Turned(NamedTuple):
    """A second has turned; said to nobody else."""


PartialStep = Step | Passed | Entangled | Turned


def in_order(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """Hits that came to light at once: by time, and of that by their ends."""
    return tuple(sorted(hits, key=_hit_order))


def _hit_order(hit: Hit) -> tuple[int, object, object, str]:
    event = hit.event
    return event.time_ns, event.client, event.server, str(event.protocol)


def moved(volumes: Iterable[Volume]) -> Moved:
    """Volumes that are told at once; those of a client and a service, of several processes, are one."""
    found: dict[tuple[bytes, str], Volume] = {}
    for volume in volumes:
        key = (volume.client, volume.signature)
        known = found.get(key)
        found[key] = volume if known is None else sum_of(known, volume)
    return Moved(tuple(volume for _, volume in sorted(found.items(), key=itemgetter(0))))


def dump(step: PartialStep) -> bytes:
    """A step for another process that has the same catalogue."""
    if isinstance(step, Found):
        step = step._replace(hits=tuple(map(_without_raw, step.hits)))
    written = io.BytesIO()
    _Pickler(written).dump(step)
    return written.getvalue()


def load(data: bytes, catalog: Catalog) -> PartialStep:
    """What ``dump`` gave, in a process that forked the one where it was called."""
    step: PartialStep = _Unpickler(io.BytesIO(data), catalog).load()
    return step


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
