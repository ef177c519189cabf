"""Frames through a pipeline, with its gate and without: what all of it says in the end."""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from unittest.mock import patch

from bench.workloads import FILE_HEADER
from egret.catalog.match import Catalog
from egret.model import Frame, HostKind, HostPattern, ServiceClass
from egret.sources.files import CaptureFile
from egret.track import observer
from egret.track.fragments import MAX_BYTES, MAX_DATAGRAMS, Reassembler
from egret.track.heard import Overheard
from egret.track.limits import Limits
from egret.track.streams import Streams
from egret.value import replace
from egret.worker import engine
from egret.worker.pipeline import Pipeline, Take
from tests.support.alerts import signature

START_NS = 1_700_000_000_000_000_000
FLAGGED = tuple(
    HostPattern(kind=HostKind.SUFFIX, pattern=pattern)
    for pattern in (*(f"n{number}.tls.example" for number in range(0, 200, 3)), "site7.example", "chat.qwen.ai")
)
CATALOG = Catalog([replace(signature(), hosts=FLAGGED)], "test")


Bounds = tuple[int, int]  # bytes and datagrams


def read_every_hello(streams: Streams) -> None:
    """Leave the short way of plain hellos."""
    streams.hellos.settle = lambda *_: None  # type: ignore[method-assign]


def passed(
    frames: list[bytes],
    step_ns: int,
    *,
    gated: bool,
    limits: Limits | None = None,
    linktype: int = 1,
    back_ns: int = 0,
    snap: Callable[[bytes], int | None] = lambda _: None,
    fragments: Bounds | None = None,
) -> tuple[list[object], Counter[object], Counter[object]]:
    """Hits, counts and the observer's counters of *frames*; not gated, every hello is read.

    Each of them comes *step_ns* behind the last one, but every fortieth *back_ns* before that; *snap* says how many bytes
    of one were captured. There is room for so many *fragments*.
    """
    with patch.object(observer, "Reassembler", partial(Reassembler, *(fragments or (MAX_BYTES, MAX_DATAGRAMS)))):
        pipeline = Pipeline(CATALOG, measured=frozenset(ServiceClass), limits=limits)
    if not gated:
        read_every_hello(pipeline.observer.streams)
        pipeline.observer.quic.take_hello = None
    hits: list[object] = []
    for number, whole in enumerate(frames):
        time_ns, data = START_NS + number * step_ns - number // 40 * back_ns, whole[: snap(whole)]
        if not (gated and pipeline.gate.sluice.skip(data, 0, len(data), time_ns, len(whole), None, linktype)):
            hits += pipeline.feed(Frame(time_ns, linktype, memoryview(data), len(whole)))
    return _told(pipeline, hits)


def passed_as_file(
    frames: list[bytes], step_ns: int, *, pure: bool, in_runs: list[int] | None = None
) -> tuple[list[object], Counter[object], Counter[object]]:
    """The same of a capture file of them, gated; look-ups may come *in_runs*, which takes how long each was."""
    with patch.dict(os.environ, {engine.SWITCH: "1" if pure else ""}):
        pipeline = Pipeline(CATALOG, measured=frozenset(ServiceClass))
    file = BytesIO(capture_of(frames, step_ns))
    capture = CaptureFile("memory", file.read, file.close, None, None)
    hits: list[object] = []
    marks: list[object] = []

    def take(before: Sequence[object], found: Sequence[object]) -> None:
        marks.extend(before)
        hits.extend(found)

    if in_runs is not None:
        _note_runs(pipeline, in_runs)
        pipeline.hear_in_runs(take)
    for frame in capture.frames(pipeline.gate.sluice):
        hits += pipeline.feed(frame)
        marks += pipeline.relays.take_marks()
    return _told(pipeline, hits, marks)


def capture_of(frames: list[bytes], step_ns: int) -> bytes:
    """A capture file of frames at even steps."""
    times = (divmod(START_NS + number * step_ns, 1_000_000_000) for number in range(len(frames)))
    pack = struct.Struct("<IIII").pack
    return FILE_HEADER + b"".join(
        pack(*time, len(data), len(data)) + data for time, data in zip(times, frames, strict=True)
    )


def _note_runs(pipeline: Pipeline, lengths: list[int]) -> None:
    """Write down how many look-ups each run had."""
    hear = pipeline._hear_run

    def noting(take: Take, run: list[Overheard]) -> None:
        lengths.append(len(run))
        hear(take, run)

    pipeline._hear_run = noting  # type: ignore[method-assign]


def _told(
    pipeline: Pipeline, hits: list[object], marks: Sequence[object] = ()
) -> tuple[list[object], Counter[object], Counter[object]]:
    pairs = pipeline.observer.quic.pairs
    quic = {"quic_flows": len(pairs), "quic_bytes": pairs.held}
    dns = {"dns_streams": len(pipeline.observer.dns.table), "dns_held": pipeline.observer.dns.table.held}
    hits += pipeline.flush()
    counts: Counter[object] = Counter(pipeline.take_counts())
    counters = pipeline.observer.counters
    seen: Counter[object] = Counter({"frames": counters.frames, "bytes": counters.bytes, "copies": counters.duplicates})
    seen.update(counters.packets)
    seen.update(quic)
    seen.update(dns)
    seen["dns_evicted"] = counters.evictions["dns_streams"]
    seen["quic_evicted"] = counters.evictions["quic_flows"]
    seen["fragments_evicted"] = counters.evictions["fragments"]
    seen["fragments_overlapping"] = pipeline.observer.fragments.overlaps
    seen["http_flows"] = counters.tracked["http_flows"]
    seen["http_evicted"] = counters.evictions["http_flows"]
    learnt = pipeline.observer.answers.take_fresh()
    marks = [*marks, *pipeline.relays.take_marks()]
    return [*hits, *marks, *learnt, *pipeline.take_volumes()], counts, seen
