"""The daemon as the web may see it: snapshots, read only."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from functools import partial

from egret import __version__
from egret.alerts.codec import alert_from_dict
from egret.alerts.incidents import Incidents
from egret.alerts.messages import Message
from egret.alerts.model import Incident
from egret.alerts.selection import EVERYTHING, Selection
from egret.alerts.sensor import Standing
from egret.daemon.coverage import CoverageLedger
from egret.daemon.crew import Crew
from egret.daemon.setup import Knowledge
from egret.sinks.base import Delivery, Outcome
from egret.sources.placement import Placement
from egret.store.evidence import Kept
from egret.store.history import find
from egret.store.incidents import IncidentStore
from egret.store.outbox import Choice
from egret.store.outbox import Kept as KeptAlert
from egret.store.outbox import find as find_alerts
from egret.telemetry import Telemetry
from egret.telemetry.coverage import Interval, Length
from egret.telemetry.table import Outcome as MetricOutcome
from egret.web.status import (
    DatabaseStatus,
    Delivered,
    DeliveryState,
    Facts,
    IncidentPage,
    IncidentState,
    LinkStatus,
    Readiness,
    SinkStatus,
    Story,
    Told,
)

_LONG_S = 0.02  # some hundreds of incidents
_REST = 30  # times what a list took: three percent of a core
_MAX_TOLD = 500  # alerts of one incident: years of updates

Settled = Callable[[str, Outcome, Sequence[Message], str], None]


class SinkWatch:
    """Hears what becomes of alerts: counts it, tells the ledger, and remembers each sink's last trouble."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self.settled: Settled | None = None
        self.last_error: dict[str, str | None] = {}

    def __call__(self, sink: str, outcome: Outcome, alerts: Sequence[Message], detail: str) -> None:
        """See ``sinks.base.Watcher``."""
        if outcome is Outcome.OFFERED:
            self._telemetry.offered(sink, len(alerts))
            return
        self._telemetry.delivery(sink, MetricOutcome(outcome.value), len(alerts), detail)
        if self.settled is not None:
            self.settled(sink, outcome, alerts, detail)
        if outcome is not Outcome.FORGOTTEN:
            self.last_error[sink] = None if outcome is Outcome.DELIVERED else detail

    def warned(self, sink: str, outcome: Outcome, detail: str) -> None:
        """See ``sinks.notices.Heard``."""
        self._telemetry.sensor_delivery(sink, MetricOutcome(outcome.value), detail)


class DaemonView:
    """See ``web.status.StatusView``."""

    def __init__(
        self,
        telemetry: Telemetry,
        knowledge: Knowledge,
        placement: Placement,
        inside: Sequence[str],
        parts: tuple[Incidents, IncidentStore, Crew, Sequence[Delivery], SinkWatch],
        coverage: CoverageLedger,
        evidence: Callable[[str], Kept | None] | None = None,
    ) -> None:
        self._telemetry = telemetry
        self.knowledge = knowledge
        self._placement = placement
        self.inside = tuple(inside)
        self._incidents, self._store, self._crew, self.deliveries, self._watch = parts
        self._coverage = coverage
        self._veil = knowledge.config.privacy.veil()
        self._evidence = evidence
        self._started_ns = time.time_ns()
        self._listed: Sequence[Incident] = ()
        self._listed_until_s = 0.0
        self.problems: Callable[[], Sequence[Standing]] = list  # what is amiss with the sensor itself

    @property
    def telemetry(self) -> Telemetry:
        """The metrics."""
        return self._telemetry

    def facts(self) -> Facts:
        """The daemon's state now."""
        catalog, databases = self.knowledge.catalog, self.knowledge.geo.info()
        return Facts(
            version=__version__,
            now_ns=time.time_ns(),
            started_ns=self._started_ns,
            why_here="; ".join(self._placement.why),
            inside=self.inside,
            links=tuple(LinkStatus(interface=name, up=self._is_up(name)) for name in self._placement.interfaces),
            catalog_version=catalog.version,
            catalog_signatures=len(catalog.signatures),
            vendors=tuple(sorted({signature.vendor for signature in catalog.signatures}, key=str.casefold)),
            groups=tuple(sorted(self.knowledge.config.clients.group_names)),
            catalog_last_reviewed=max((signature.last_reviewed for signature in catalog.signatures), default=""),
            databases=tuple(
                DatabaseStatus(name=info.source, built_s=info.build_epoch_s, attribution=info.attribution)
                for info in databases
            ),
            sinks=tuple(
                SinkStatus(
                    name=delivery.name,
                    queue_length=delivery.queue_length,
                    last_error=self._watch.last_error.get(delivery.name) or delivery.trouble,
                    circuit=delivery.circuit.value,
                )
                for delivery in self.deliveries
            ),
            store_path=str(self.knowledge.config.paths.store),
            store_error=None if self._store.healthy else self._store_error(),
            readiness=self._readiness(),
            problems=tuple(self.problems()),
        )

    async def incidents(
        self, state: IncidentState, selection: Selection = EVERYTHING, *, limit: int, offset: int = 0
    ) -> IncidentPage:
        """Open ones from memory; closed ones from the store; a client as they show it, or any of its addresses.

        Raises:
            StoreError: the store cannot be read.
        """
        selection = selection.veiled(self._veil)
        if state is IncidentState.OPEN:
            chosen = filter(selection.selects, self._open_now())
            found = sorted(chosen, key=lambda incident: incident.last_ns, reverse=True)
            return IncidentPage(incidents=found[offset : offset + limit], total=len(found))
        closed_only = state is IncidentState.CLOSED
        search = partial(find, self._store.database, selection, closed_only=closed_only, limit=limit, offset=offset)
        kept, total = await asyncio.to_thread(search)
        return IncidentPage(incidents=kept, total=total)

    def _open_now(self) -> Sequence[Incident]:
        """What is open; a list that took long is used for a while: pages that are watched must not hold up alerts."""
        now_s = time.monotonic()
        if now_s >= self._listed_until_s:
            self._listed = self._incidents.open_incidents
            took_s = time.monotonic() - now_s
            self._listed_until_s = now_s + _REST * took_s if took_s > _LONG_S else now_s
        return self._listed

    async def story(self, incident: str, /) -> Story | None:
        """One incident: as it is in memory where it is open, else as it is kept.

        Raises:
            StoreError: the store cannot be read.
        """
        return await asyncio.to_thread(self._story, incident, self._incidents.find(incident))

    def _story(self, name: str, open_now: Incident | None) -> Story | None:
        incident = open_now or self._store.get(name)
        if incident is None:
            return None
        kept = find_alerts(self._store.database, Choice(ids=(name,)), _MAX_TOLD)
        told = [self._told(each) for each in reversed(kept)]
        evidence = self.evidence(name)
        return Story(
            incident=incident,
            told=[each for each in told if each is not None],
            record=None if evidence is None else evidence.record,
        )

    def _told(self, kept: KeptAlert) -> Told | None:
        try:
            alert = alert_from_dict(json.loads(kept.body))
        except ValueError:
            return None
        standing = {
            delivery.name: Delivered(DeliveryState.DONE) for delivery in self.deliveries if delivery.wants(alert)
        }
        standing |= {place.sink: Delivered(DeliveryState(place.state), place.detail) for place in kept.places}
        return Told(alert=alert, deliveries=standing)

    def evidence(self, incident: str, /) -> Kept | None:
        """One incident's evidence."""
        return None if self._evidence is None else self._evidence(incident)

    def coverage(self, length: Length) -> Sequence[Interval]:
        """The coverage ledger."""
        return self._coverage.rows(length)

    def _is_up(self, interface: str) -> bool:
        return self._crew.links.get(interface, False)

    def _store_error(self) -> str:
        return f"the last write failed, and {self._store.pending} rows wait in memory; the log says why"

    def _readiness(self) -> Readiness:
        reasons = [f"{name} is down" for name in self._placement.interfaces if not self._is_up(name)]
        if not self._crew.running:
            reasons.append("no capture process runs")
        return Readiness(ready=not reasons, reasons=tuple(reasons))
