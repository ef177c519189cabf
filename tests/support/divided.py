"""One capture through a pipeline, and through those of several shares of it, in one process."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from bench.workloads import FILE_HEADER, START_NS
from egret.cli.capture import Captures
from egret.cli.merging import Merger, Tangle
from egret.cli.reading import PartialReading, Placed, Reading
from egret.cli.steps import Ended, Found, PartialStep
from egret.model import ServiceClass
from egret.track.limits import Limits
from egret.track.partial import Remembers
from egret.track.share import Share
from egret.worker import engine
from egret.worker.partial import PartialPipeline
from egret.worker.pipeline import Hit, Pipeline
from tests.support.gated import CATALOG

EVERY_CLASS = frozenset(ServiceClass)


def _as_it_is(hit: Hit) -> Hit:
    return hit


def _told(step: PartialStep) -> PartialStep:
    """Without the names of what was counted not once."""
    return Ended(step.time_ns, {key: n for key, n in step.counts.items() if n}) if isinstance(step, Ended) else step


def each(steps: Iterable[PartialStep]) -> list[object]:
    """All marks and hits in order, with the other steps between them: one that reads all may find many at once."""
    said = list[object]()
    for step in steps:
        said += [*step.marks, *step.hits] if isinstance(step, Found) else [_told(step)]
    return said


def whole(path: Path, limits: Limits) -> list[object]:
    """What one says that reads it all."""
    pipeline = Pipeline(CATALOG, measured=EVERY_CLASS, limits=limits)
    return each(step for _, step in Reading(pipeline, _as_it_is).steps(_captures(path), str(path)))


def _captures(path: Path) -> Captures:
    return Captures([str(path)], complain=lambda _: None)


def part(path: Path, limits: Limits, share: Share) -> Iterator[Placed]:
    """The steps of one share."""
    pipeline = PartialPipeline(share, CATALOG, measured=EVERY_CLASS, limits=limits)
    return PartialReading(pipeline, _as_it_is, share).sure_steps(_captures(path), str(path))


def shared(path: Path, limits: Limits, of: int) -> tuple[list[object], str | None]:
    """What so many shares say, and why they say no more."""
    found: list[object] = []
    try:
        parts = [part(path, limits, Share(number, of)) for number in range(of)]
        for step in Merger(parts, Remembers(limits.decided, limits.late_hellos)).steps():
            found += each([step])  # what was found until then
    except Tangle as tangle:
        return found, str(tangle)
    return found, None


def agree(
    frames: Sequence[bytes],
    step_ns: int,
    *,
    pure: bool = False,
    limits: Limits | None = None,
    of: Sequence[int] = (2, 3),
) -> str | None:
    """As ``agree_on``, of frames that come at even steps."""
    timed = [(START_NS + number * step_ns, frame) for number, frame in enumerate(frames, 1)]
    return agree_on(timed, pure=pure, limits=limits, of=of)


def agree_on(
    frames: Iterable[tuple[int, bytes]], *, pure: bool = False, limits: Limits | None = None, of: Sequence[int] = (2, 3)
) -> str | None:
    """As ``agree_on_file``, of a pcap file of frames and their times."""
    records = (
        struct.pack("<IIII", *divmod(time_ns, 10**9), len(frame), len(frame)) + frame for time_ns, frame in frames
    )
    return agree_on_file(FILE_HEADER + b"".join(records), pure=pure, limits=limits, of=of)


def agree_on_file(
    data: bytes, *, pure: bool = False, limits: Limits | None = None, of: Sequence[int] = (2, 3)
) -> str | None:
    """See that any number of shares says what one process does, as far as it goes; why it goes no further."""
    limits = limits or Limits()
    why = None
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {engine.SWITCH: "1" if pure else ""}):
        path = Path(folder) / "in"
        path.write_bytes(data)
        one = whole(path, limits)
        for number in of:
            found, why = shared(path, limits, number)
            assert found == (one if why is None else one[: len(found)])
    return why
