"""The pipeline of one of several processes that read a capture.

Each process has its connections and everybody's look-ups (``track.share``), so each decides as one that reads alone
does. What it cannot know is what another's connections teach. That there may be such a thing, or that a bound is
reached, is noticed here, and then one process has to read it all (``entangled``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from egret.catalog.match import Catalog
from egret.catalog.resolvers import Resolvers
from egret.model import Anomaly, Connection, Event, Kind, Match, Observation, Protocol, ServiceClass
from egret.track.direction import endpoints_of
from egret.track.limits import Limits
from egret.track.partial import PartialObserver
from egret.track.share import Share, is_followed
from egret.worker.pipeline import MEASURED, TRANSPORTS, Hit, Pipeline, PrcNetworks
from egret.worker.scope import Scope

_HEADERS = frozenset({"link", "ip"})  # anomalies of frames that all see, for nobody can read whose they are
LOOKUPS = frozenset({Protocol.DNS, Protocol.HTTPDNS})
_DNS = Protocol.DNS.value

FORGETFUL = "it has more connections than are kept in mind at a time"
BY_HTTP = "look-ups over HTTP, or over TCP on a port of their own, tell clients addresses"
PROXIED = "a proxy connects for others"
DISORDERED = "times in it go back by more than a second"
REVERSED = "flagged connections go to the higher port"


class PartialPipeline(Pipeline):
    """As ``Pipeline``, for a share."""

    observer: PartialObserver

    def __init__(
        self,
        share: Share,
        catalog: Catalog,
        prc: PrcNetworks | None = None,
        scope: Scope | None = None,
        resolvers: Resolvers | None = None,
        measured: Collection[ServiceClass] = MEASURED,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(catalog, prc, scope, None, resolvers, measured, limits, share)
        self.observer.watch_memory()
        self.observer.streams.hellos.take = self._take_plain
        self._share = share
        self._is_aside = False
        self._aside: Counter[tuple[str, ...]] = Counter()
        self._entangled: str | None = None

    @property
    def entangled(self) -> str | None:
        """Why it may have said something else than one process would have; None: it has not."""
        if self._entangled is None and self.observer.evictions:
            self._entangled = FORGETFUL
        if self._entangled is None and self.observer.adopted:
            self._entangled = BY_HTTP
        if self._entangled is None and self.observer.went_back:
            self._entangled = DISORDERED
        return self._entangled

    def hits(self, events: Iterable[Event]) -> list[Hit]:
        """As ``Pipeline.hits``; what all processes see has its effect in each, and is counted and found in one."""
        found: list[Hit] = []
        for event in events:
            if self._is_said_elsewhere(event):
                counts, self.counts, self._is_aside = self.counts, self._aside, True
                super().hits([event])
                self.counts, self._is_aside = counts, False
                self._aside.clear()
            else:
                self._heed(event)
                found += super().hits([event])
        return found

    def _is_said_elsewhere(self, event: Event) -> bool:
        if event.protocol == _DNS or (isinstance(event, Anomaly) and event.protocol in _HEADERS):
            return self._share.number > 0
        if isinstance(event, Anomaly):
            ends = None if event.flow is None else (event.flow.source, event.flow.destination)
        else:
            ends = event.client, event.server
        if ends is None or not (is_followed(*ends) or _is_quoted(event)):
            return False
        return not self._share.has(*ends)

    def _take_plain(self, host: bytes, ech: int, ends: bytes, time_ns: int) -> bool:
        """Of what all follow, each hello is told, so that it is counted by one."""
        return not is_followed(*endpoints_of(ends)) and self._greetings.take(host, ech, ends, time_ns)

    def _heed(self, event: Event) -> None:
        """Whether an event teaches something that another process does not hear of."""
        if isinstance(event, Observation) and self._scope.is_client(event.client.ip):
            if event.protocol is Protocol.HTTPDNS and not is_followed(event.client, event.server):
                self._entangled = BY_HTTP
            elif event.kind is Kind.CONNECT and self._scope.is_client(event.server.ip):
                self._entangled = PROXIED

    def _is_echo(self, event: Observation | Connection, match: Match) -> bool:
        echo = super()._is_echo(event, match)
        if echo and event.protocol not in LOOKUPS:
            self._entangled = PROXIED
        return echo

    def _measure(self, hit: Hit) -> None:
        """As ``Pipeline._measure``: from now on all flagged connections to that address have to be this process's."""
        if self._is_aside:
            return
        event = hit.event
        if not isinstance(event, Observation) or event.protocol in TRANSPORTS:
            client, server = event.client, event.server
            if server.port >= client.port or not self._share.has(client, server):
                self._entangled = REVERSED
        super()._measure(hit)

    def take_counts(self) -> Counter[tuple[str, ...]]:
        """As ``Pipeline.take_counts``, without what another process counts."""
        counts = Counter(super().take_counts())
        if self._share.number:
            for key in [key for key in counts if key[:2] == ("names", _DNS)]:
                del counts[key]
        return counts


def _is_quoted(event: Event) -> bool:
    return isinstance(event, Observation) and "quoted" in event.attributes
