"""The worker: reads frames, finds hits, tells the daemon. It has no right left when it begins."""

from __future__ import annotations

import logging
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable

from egret.errors import EgretError
from egret.geo.database import GeoDatabase
from egret.model import Frame
from egret.sources.channel import Channel, ChannelClosed
from egret.sources.live import LinkStatistics, Source
from egret.telemetry.logs import Log
from egret.worker.canary import Ear
from egret.worker.equipment import unseal
from egret.worker.meter import Meter
from egret.worker.pipeline import Hit, Pipeline
from egret.worker.proving import Prover
from egret.worker.wire import (
    WireError,
    decode_learnt,
    encode_heard,
    encode_hit,
    encode_learnt,
    encode_marks,
    encode_report,
    encode_volumes,
)

READ_TIMEOUT_S = 0.25
METER_TIMEOUT_S = 0.05  # while flagged connections are counted
REPORT_EVERY_S = 1.0


class Worker:
    """One capture process.

    Args:
        source: where frames come from; closed at the end.
        pipeline: what finds hits in them.
        pipe: the channel to the daemon; a full one drops and counts, and its end is the worker's end.
        geo: the databases that were there when it was forked.
        meter: counts flagged bytes beside it; closed at the end.
        ear: hears the canary beside it; closed at the end.
    """

    def __init__(
        self,
        source: Source,
        pipeline: Pipeline,
        pipe: Channel,
        geo: GeoDatabase | None = None,
        meter: Meter | None = None,
        ear: Ear | None = None,
    ) -> None:
        self._meter = meter
        self._ear = ear
        self._source = source
        self._pipeline = pipeline
        self._pipe = pipe
        self._geo = geo
        self._prover = Prover(pipeline.observer.lookups.told)
        self._log = Log()
        self._counts: Counter[tuple[str, ...]] = Counter()  # what the daemon has not been told yet
        self._told_links: dict[str, LinkStatistics] = {}
        self._told_evictions: Counter[str] = Counter()
        self._packet_time_ns = 0
        self._stopping = False

    def run(self) -> None:
        """Until the daemon is gone or says so by SIGTERM."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the daemon ends us in order
        report_at_s = 0.0
        try:
            while not self._stopping:
                self._listen()
                for frame in self._source.read(self._patience_s(), self._pipeline.gate.sluice):
                    self._feed(frame)
                self._measure()
                self._hear()
                if time.monotonic() >= report_at_s:
                    report_at_s = time.monotonic() + REPORT_EVERY_S
                    self._send(self._guarded(lambda: self._pipeline.expire(time.time_ns())))
                    self._report()
            self._measure()
            self._send(self._guarded(self._pipeline.flush))
            self._report()
        except ChannelClosed:
            return
        finally:
            self._source.close()
            if self._meter is not None:
                self._meter.close()
            if self._ear is not None:
                self._ear.close()

    def _patience_s(self) -> float:
        """How long to wait for frames; a second ring fills meanwhile."""
        return METER_TIMEOUT_S if self._meter is not None and self._meter.busy else READ_TIMEOUT_S

    def _measure(self) -> None:
        if self._meter is not None:
            try:
                self._meter.step(self._counts)
            except Exception as error:  # noqa: BLE001 - a bug in counting must not end the capture
                self._mishap(error)

    def _hear(self) -> None:
        ear = self._ear
        if ear is not None:
            for hit in self._guarded(lambda: list(ear.hear())):
                if not self._pipe.send(encode_heard(hit)):
                    self._counts["messages_dropped",] += 1

    def _listen(self) -> None:
        """Take what the daemon says: newer equipment, and the flagged names that earlier workers learnt."""
        while (received := self._pipe.receive(descriptors=1)) is not None:
            if received.descriptors:
                self._equip(received.descriptors[0])
                continue
            try:
                self._pipeline.observer.restore(decode_learnt(received.message).learnt, time.time_ns())
            except WireError as error:
                self._mishap(error)

    def _equip(self, descriptor: int) -> None:
        """Use what the daemon learnt anew; what cannot be used changes nothing, and the daemon hears no answer."""
        try:
            equipment = unseal(descriptor)
            self._tell_volumes()
            equipment.use(self._pipeline, self._geo)
        except EgretError as error:
            self._mishap(error)
            return
        if not self._pipe.send({"equipped": equipment.generation}):
            self._counts["messages_dropped",] += 1

    def _stop(self, _signal: int, _frame: object) -> None:
        self._stopping = True

    def _feed(self, frame: Frame) -> None:
        try:
            hits = self._pipeline.feed(frame)
        except Exception as error:  # noqa: BLE001 - a bug of ours must cost one frame, not the capture
            self._mishap(error)
            return
        self._packet_time_ns = frame.time_ns
        if hits:
            self._tell_marks()
            self._send(hits)
        if self._meter is not None:
            self._meter.keep_up(self._counts)

    def _tell_marks(self) -> None:
        """Say who speaks for others before what they did is said."""
        for message in encode_marks(self._pipeline.relays.take_marks()):
            if not self._pipe.send(message):
                self._counts["messages_dropped",] += 1

    def _guarded(self, call: Callable[[], list[Hit]]) -> list[Hit]:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - as above
            self._mishap(error)
            return []

    def _mishap(self, error: Exception) -> None:
        self._counts["internal_errors", "decode"] += 1
        self._log.repeated(logging.ERROR, "internal_error", "decode", error=error, stage="decode")

    def _send(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            if not self._pipe.send(encode_hit(self._proven(hit))):
                self._counts["messages_dropped",] += 1

    def _proven(self, hit: Hit) -> Hit:
        if not self._pipeline.proves:
            return hit
        try:
            return self._prover(hit)
        except Exception as error:  # noqa: BLE001 - a bug in a proof must not cost the hit
            self._mishap(error)
            return hit

    def _report(self) -> None:
        """Tell what is new; a report that finds the pipe full is told with the next one."""
        self._tell_marks()
        for message in encode_learnt(self._pipeline.observer.answers.take_fresh()):
            if not self._pipe.send(message):
                self._counts["messages_dropped",] += 1
        self._tell_volumes()
        if self._meter is not None:
            self._meter.report(self._counts)
        self._counts.update(self._pipeline.take_counts())
        self._count_evictions()
        links = self._source.statistics()
        tracked = self._pipeline.observer.counters.tracked
        rows = [self._link(link) for link in links]
        if not self._pipe.send(
            encode_report(self._counts, tracked, rows, self._pipeline.gate.last_ns or self._packet_time_ns)
        ):
            self._counts["messages_dropped",] += 1
            return
        self._counts.clear()
        self._told_links = {link.interface: link for link in links}

    def _tell_volumes(self) -> None:
        """What finds the pipe full is told with the next report."""
        for message, volumes in encode_volumes(self._pipeline.take_volumes()):
            if not self._pipe.send(message):
                self._pipeline.observer.volumes.give_back(volumes)

    def _count_evictions(self) -> None:
        now = Counter(self._pipeline.observer.counters.evictions)
        for table, number in (now - self._told_evictions).items():
            self._counts["evictions", table] += number
        self._told_evictions = now

    def _link(self, link: LinkStatistics) -> dict[str, object]:
        told = self._told_links.get(link.interface)
        return {
            "interface": link.interface,
            "up": link.up,
            "received": link.received - (told.received if told else 0),
            "dropped": link.dropped - (told.dropped if told else 0),
        }
