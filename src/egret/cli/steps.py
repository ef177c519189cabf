"""What is found in a capture, in steps: what a replay folds, whichever processes found it.

A step has a place, so that those of several processes that share a capture can be put in the order of one
(``cli.division``). Where several things come to light at one turn of a second, or at the end, they are in an order that
they have of themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import NamedTuple

from egret.model import Role, Volume
from egret.track.partial import Remembers
from egret.track.volume_flow import sum_of
from egret.value import Struct
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


class Moved(Struct, frozen=True):
    """What clients and services moved since the last such step."""

    volumes: tuple[Volume, ...]


class Ended(Struct, frozen=True):
    """The file ended: the time of its last frame (0 without one), and what was counted."""

    time_ns: int
    counts: Mapping[tuple[str, ...], int]


Step = Found | Moved | Ended


class Passed(Struct, frozen=True):
    """A process is here; what it says until the next such step stands, and so much it remembers then."""

    remembers: Remembers


class Entangled(Struct, frozen=True):
    """From here on a process that reads all might say something else, and why."""

    why: str


class Turned(Struct, frozen=True):
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
