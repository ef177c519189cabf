"""Bytes of flagged connections, live: the second ring is told what to pass, and read."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from egret.decode.packet import decode_packet
from egret.errors import DecodeError, SourceError
from egret.model import Frame
from egret.sources.live import LinkStatistics
from egret.telemetry.logs import Log
from egret.track.volume import Volumes
from egret.worker.tallying import Tallying

_SHARE = 20  # making filters takes at most one part in so many of the time


class Ring(Protocol):
    """What ``sources.volume_ring.VolumeRing`` is to the meter."""

    def follow(self, addresses: Sequence[bytes]) -> int:
        """Pass what flows to and from these; how many had no room."""
        ...

    def read(self) -> Iterator[Frame]:
        """The headers that are there."""
        ...

    def statistics(self) -> list[LinkStatistics]:
        """Counters of each interface."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Meter:
    """Feeds *volumes* from *ring*, which follows what they want."""

    def __init__(self, volumes: Volumes, ring: Ring, log: Log, tallying: Tallying | None = None) -> None:
        self._volumes = volumes
        self._tallying = tallying  # None: connection tracking is not asked
        self._ring = ring
        self._log = log
        self._generation = volumes.generation
        self._follow_at_s = 0.0
        self._left_out = 0
        self._told: dict[str, int] = {}
        volumes.datagrams = False  # of UDP the first ring shows a part only

    @property
    def busy(self) -> bool:
        """Whether headers may come."""
        return self._volumes.active

    def step(self, counts: Counter[tuple[str, ...]]) -> None:
        """Count what came, and follow what is flagged now; losses go into *counts*."""
        for frame in self._ring.read():
            try:
                packet = decode_packet(frame)
            except DecodeError:
                continue  # the pipeline counts what it cannot read; this ring shows the same frames again
            if packet is not None:
                self._volumes.feed_header(packet)
        self.keep_up(counts)
        if self._tallying is not None:
            self._tallying.step(counts)

    def keep_up(self, counts: Counter[tuple[str, ...]]) -> None:
        """Follow what is flagged now; for after every frame, for of QUIC nothing tells what the filter missed."""
        if self._generation != self._volumes.generation and time.monotonic() >= self._follow_at_s:
            self._follow(counts)

    def _follow(self, counts: Counter[tuple[str, ...]]) -> None:
        self._generation = self._volumes.generation
        began_s = time.monotonic()
        try:
            left_out = self._ring.follow(self._volumes.addresses())
        except SourceError as error:
            self._log.repeated(logging.ERROR, "volume_not_counted", why=str(error))
            return
        ended_s = time.monotonic()
        self._follow_at_s = ended_s + _SHARE * (ended_s - began_s)
        counts["evictions", "volume_peers"] += max(0, left_out - self._left_out)
        self._left_out = left_out
        if left_out:
            why = "more flagged addresses than the kernel takes in a filter; their bytes are not all counted"
            self._log.repeated(logging.WARNING, "volume_filter_full", addresses=left_out, why=why)

    def report(self, counts: Counter[tuple[str, ...]]) -> None:
        """Add what was dropped since the last report."""
        for link in self._ring.statistics():
            dropped = link.dropped - self._told.get(link.interface, 0)
            self._told[link.interface] = link.dropped
            if dropped:
                counts["volume_dropped", link.interface] += dropped

    def close(self) -> None:
        """Close the ring."""
        self._ring.close()
