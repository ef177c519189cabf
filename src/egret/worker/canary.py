"""The worker's part of the canary: it hears the probes on a ring of their own and says so to the daemon.

The probes go the way of every packet: kernel filter, ring, this process's loop, decoding, matching, the pipe. Only
what they are matched with, remembered in and counted by is their own, so that they leave no trace in anything real.
"""

from __future__ import annotations

from collections.abc import Iterator

from egret.catalog.match import Catalog
from egret.model import Category, HostKind, HostPattern, Observation, Operator, ServiceClass, Signature
from egret.sources.live import Source
from egret.sources.probes import NAME
from egret.track.limits import Limits
from egret.worker.pipeline import Hit, Pipeline

SIGNATURE = Signature(
    id="egret.canary",
    vendor="Egret",
    service="Canary",
    category=Category.TELEMETRY,
    service_class=ServiceClass.AI,
    operator=Operator(country="CN", contested=False, source="made up, so that the verdict is the usual one"),
    hosts=(HostPattern(kind=HostKind.SUFFIX, pattern=NAME),),
)
CATALOG = Catalog([SIGNATURE], "canary")
_SMALL = Limits(flows=64, decided=64, quic_flows=64, answers=64, volume_peers=16, volume_flows=16, duplicates=64)


class Ear:
    """Hears the probes that *source* gives, the reader of the canary's ring; closed by ``close``."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._pipeline = Pipeline(CATALOG, limits=_SMALL, measured=())

    def hear(self) -> Iterator[Hit]:
        """What has come since the last call; does not wait."""
        for frame in self._source.read(0.0):
            yield from (hit for hit in self._pipeline.feed(frame) if isinstance(hit.event, Observation))

    def close(self) -> None:
        """Let go of the ring."""
        self._source.close()
