"""The daemon as the web may see it: snapshots, read only."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from egret import __version__
from egret.alerts.incidents import Incidents
from egret.alerts.model import Alert
from egret.alerts.sensor import Standing
from egret.daemon.coverage import CoverageLedger
from egret.daemon.crew import Crew
from egret.daemon.setup import Knowledge
from egret.sinks.base import Delivery, Outcome
from egret.sources.placement import Placement
from egret.store.evidence import Kept
from egret.store.incidents import IncidentStore
from egret.telemetry import Telemetry
from egret.telemetry.coverage import Interval, Length
from egret.telemetry.table import Outcome as MetricOutcome
from egret.web.status import (
    DatabaseStatus,
    Facts,
    IncidentPage,
    IncidentState,
    LinkStatus,
    Readiness,
    SinkStatus,
)

Settled = Callable[[str, Outcome, Sequence[Alert], str], None]


class SinkWatch:
    """Hears what becomes of alerts: counts it, tells the ledger, and remembers each sink's last trouble."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self.settled: Settled | None = None
        self.last_error: dict[str, str | None] = {}

    def __call__(self, sink: str, outcome: Outcome, alerts: Sequence[Alert], detail: str) -> None:
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

    def incidents(self, state: IncidentState, *, limit: int, offset: int, client: str | None = None) -> IncidentPage:
        """Open ones from memory; closed ones from the store; *client* as they show it, or its address.

        Of a client with several addresses, any finds what is open; what is kept is found by the one that began it.

        Raises:
            StoreError: the store cannot be read.
        """
        if client is not None:
            client = self._veil.address(client)
        if state is IncidentState.OPEN:
            everybody = self._incidents.open_incidents
            theirs = [
                incident for incident in everybody if client in {None, incident.client, *incident.client_addresses}
            ]
            found = sorted(theirs, key=lambda incident: incident.last_ns, reverse=True)
            return IncidentPage(incidents=found[offset : offset + limit], total=len(found))
        closed_only = state is IncidentState.CLOSED
        return IncidentPage(
            incidents=self._store.recent(limit, client=client, offset=offset, closed_only=closed_only),
            total=self._store.count(client=client, closed_only=closed_only),
        )

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
