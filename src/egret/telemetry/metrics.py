"""What happened, said once: each method moves its metric and, where somebody should know, writes its log line."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime

from prometheus_client import Histogram

from egret.alerts.model import Action
from egret.judge.approvals import ApprovalState
from egret.model import Detection, Operator, ServiceClass, Severity, Signature, Volume
from egret.telemetry.logs import Log
from egret.telemetry.self_watch import SelfWatch
from egret.telemetry.storing import Storing
from egret.telemetry.table import (
    BY_NAME,
    FIXED,
    LATENCY_BUCKETS_S,
    ClientSource,
    Direction,
    DropStage,
    FilterKind,
    Labels,
    Proven,
    Stage,
    Suppressed,
    Trigger,
)
from egret.telemetry.worker_counters import WORKER_COUNTERS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_SERIES = 20_000  # above it a reload's new catalogue gets no series of its own until the next start
_MAX_COUNT = 1 << 53  # a float holds no larger count exactly; a worker that claims more is broken

Possible = Callable[[ServiceClass, Operator], Collection[Severity]]


class Telemetry(SelfWatch, Storing):
    """Every metric in a registry of its own, and the log beside them.

    Only label sets announced beforehand exist: by the closed lists of ``table``, by the catalogue, by the names of
    interfaces, outputs and databases. A worker, which parses hostile bytes, can move them and create none.

    Args:
        version: of Egret.
        log: where lines go; tests give their own.
    """

    def __init__(self, version: str, log: Log | None = None) -> None:
        super().__init__(log or Log())
        self._services: dict[str, tuple[str, str]] = {}  # vendor and service of each signature
        self._latency = self._histogram("egret_detection_latency_seconds")
        self._alert_latency = self._histogram("egret_alert_latency_seconds")
        for name, combinations in FIXED.items():
            self._announce(name, combinations)
        self._set("egret_build_info", 1, version)
        self.named_share(None)

    def _histogram(self, name: str) -> Histogram:
        return Histogram(name, BY_NAME[name].help, buckets=LATENCY_BUCKETS_S, registry=self.registry)

    def _announce_some(self, name: str, combinations: Collection[Labels]) -> None:
        """The same, unless it were too many."""
        if len(self._known[name].union(combinations)) <= MAX_SERIES:
            self._announce(name, combinations)

    # what is configured: names that may be label values from now on

    def watch(self, interfaces: Iterable[str]) -> None:
        """Announce the interfaces to be watched; their links count as down until ``link`` says otherwise."""
        for interface in interfaces:
            self._announce("egret_packets_received_total", [(interface,)])
            self._announce("egret_packets_dropped_total", [(interface, stage.value) for stage in DropStage])
            self._announce("egret_capture_filter", [(interface, kind.value) for kind in FilterKind])
            self._announce("egret_link_up", [(interface,)])
            self._announce("egret_volume_packets_dropped_total", [(interface,)])
            self._announce("egret_link_last_packet_timestamp_seconds", [(interface,)])

    def catalog(
        self,
        signatures: Collection[Signature],
        version: str,
        possible: Possible,
        unlisted: Collection[Signature] = (),
        *,
        decided: bool = False,
    ) -> None:
        """Announce a catalogue: each detection it can produce at 0, its version, size and review date.

        Args:
            signatures: of the catalogue in use from now on.
            version: of the catalogue.
            unlisted: what is detected beside the catalogue (``judge.unnamed``).
            possible: the severities that a class of service can have (``judge.verdict.Policy.possible``).
            decided: whether there are approvals, which make a detection milder or graver.
        """
        combinations = {
            (_service_labels(signature), severity)
            for signature in (*signatures, *unlisted)
            for severity in possible(signature.service_class, signature.operator)
        }
        ruled = {(service, each) for service, own in combinations for each in _ruled(own, decided=decided)}
        self._announce_some("egret_detections_total", {(*service, own.value) for service, own in combinations})
        self._announce_some("egret_detections_not_allowed_total", {(*service, own.value) for service, own in ruled})
        self._services = {signature.id: (signature.vendor, signature.service) for signature in (*signatures, *unlisted)}
        both = {(*service, way.value) for service in self._services.values() for way in Direction}
        self._announce_some("egret_volume_bytes_total", both)
        resolvers = {(s.service,) for s in signatures if s.service_class is ServiceClass.RESOLVER}
        self._announce("egret_prc_resolver_connections_total", resolvers)
        self._forget("egret_catalog_info")
        self._set("egret_catalog_info", 1, version)
        for service_class in ServiceClass:
            count = sum(signature.service_class is service_class for signature in signatures)
            self._set("egret_catalog_signatures", count, service_class.value)
        reviewed = max((_timestamp(signature.last_reviewed) for signature in signatures), default=0.0)
        self._set("egret_catalog_last_reviewed_timestamp_seconds", reviewed)

    def resolvers(self, operators: Iterable[str]) -> None:
        """Announce the encrypted resolvers that are known by their operators' names."""
        self._announce("egret_encrypted_dns_connections_total", ((operator,) for operator in operators))

    def geoip(self, databases: Iterable[tuple[str, float]]) -> None:
        """Announce the GeoIP databases in use: name and build time in seconds since the epoch."""
        self._forget("egret_geoip_info")
        self._forget("egret_geoip_build_timestamp_seconds")
        for name, built_s in databases:
            build = datetime.fromtimestamp(built_s, UTC).date().isoformat()
            self._set("egret_geoip_info", 1, name, build)
            self._set("egret_geoip_build_timestamp_seconds", built_s, name)

    # capture

    def apply_worker_counts(self, counts: Iterable[tuple[Labels, int]]) -> int:
        """Add what a worker counted since its last report.

        Args:
            counts: ``((short name of WORKER_COUNTERS, label values...), increment)``.

        Returns:
            How many rows were refused: unknown metric or labels, or no count. They are logged, not raised.
        """
        refused = sum(not self._apply(key, amount) for key, amount in counts)
        if refused:
            self._add("egret_internal_errors_total", refused, Stage.WIRE.value)
            self.log.repeated(logging.ERROR, "worker_counts_refused", rows=refused)
        return refused

    def _apply(self, key: Labels, amount: int) -> bool:
        name = WORKER_COUNTERS.get(key[0]) if key else None
        if name is None or key[1:] not in self._known[name] or type(amount) is not int or not 0 <= amount < _MAX_COUNT:
            return False
        self._add(name, amount, *key[1:])
        return True

    def link(self, interface: str, *, received: int, dropped: int, up: bool) -> None:
        """What an interface did since the last call; one that ``watch`` did not announce is ignored."""
        if (interface,) not in self._known["egret_link_up"]:
            return
        self._add("egret_packets_received_total", received, interface)
        self._set("egret_link_up", up, interface)
        if dropped:
            self.packets_dropped(interface, DropStage.KERNEL, dropped)

    def capture_filter(self, interfaces: Iterable[str], used: FilterKind) -> None:
        """Announced interfaces have this kind of kernel filter."""
        for interface in interfaces:
            for kind in FilterKind:
                self._set("egret_capture_filter", kind is used, interface, kind.value)

    def link_heard(self, interface: str, time_s: float) -> None:
        """An announced interface gave packets, at *time_s* since the epoch."""
        self._set("egret_link_last_packet_timestamp_seconds", time_s, interface)

    def named_share(self, share: float | None) -> None:
        """The share of connections that have a name; None where there were none."""
        self._set("egret_coverage_named_ratio", math.nan if share is None else share)

    def packets_dropped(self, interface: str, stage: DropStage, amount: int) -> None:
        """Packets of an announced interface were lost."""
        self._add("egret_packets_dropped_total", amount, interface, stage.value)
        self.log.repeated(
            logging.WARNING, "packets_dropped", f"{interface} {stage}", interface=interface, stage=stage, packets=amount
        )

    def tracked(self, table: str, entries: int) -> None:
        """How many entries a table of the parser holds; a table that is not in TABLES is ignored."""
        if (table,) in self._known["egret_tracked"]:
            self._set("egret_tracked", entries, table)

    # detections, incidents and alerts

    def detection(self, detection: Detection, latency_s: float | None = None) -> None:
        """One detection; *latency_s* from the packet's capture to now, None where that has no meaning (replay)."""
        labels = (*_service_labels(detection.match.signature), detection.verdict.severity)
        self._known["egret_detections_total"].add(labels)
        self._add("egret_detections_total", 1, *labels)
        if latency_s is not None:
            self._latency.observe(max(0.0, latency_s))

    def not_allowed(self, signature: Signature, severity: Severity) -> None:
        """One detection of *signature* that nobody allowed, of the *severity* that the operator's decision leaves."""
        labels = (*_service_labels(signature), severity)
        self._known["egret_detections_not_allowed_total"].add(labels)
        self._add("egret_detections_not_allowed_total", 1, *labels)

    def incidents_open(self, numbers: Mapping[Severity, int]) -> None:
        """How many incidents are open now, by severity; a severity left out has none."""
        for severity in Severity:
            self._set("egret_incidents_open", numbers.get(severity, 0), severity.value)

    def alert(self, action: Action, severity: Severity) -> None:
        """One alert was made; an opening counts its incident too."""
        self._add("egret_alerts_total", 1, action.value, severity.value)
        if action is Action.OPENED:
            self._add("egret_incidents_opened_total", 1, severity.value)

    def prompt(self, latencies_ns: Iterable[int]) -> None:
        """How long after its packet each of some alerts was committed and queued; a clock set back makes it 0."""
        for each_ns in latencies_ns:
            self._alert_latency.observe(max(0.0, each_ns / 1e9))

    def volume(self, volume: Volume) -> None:
        """What a client and a service of the announced catalogue moved; nothing tells clients apart."""
        service = self._services.get(volume.signature, ())
        for way, number in ((Direction.SENT, volume.bytes_out), (Direction.RECEIVED, volume.bytes_in)):
            labels = (*service, way.value)
            if labels in self._known["egret_volume_bytes_total"]:
                self._add("egret_volume_bytes_total", min(number, _MAX_COUNT), *labels)

    def folded(self) -> None:
        """One detection went into an open incident."""
        self._add("egret_detections_folded_total", 1)

    def relayed(self) -> None:
        """One detection was only passed on for another client, whom another worker saw ask."""
        self._add("egret_relayed_total", 1)

    def suppressed(self, reason: Suppressed) -> None:
        """One detection made no alert."""
        self._add("egret_alerts_suppressed_total", 1, reason.value)

    def approvals(self, holding: Mapping[ApprovalState, int], ending: int, ended: int) -> None:
        """How many decisions hold, by state, how many of them end soon, and how many have ended."""
        for state in ApprovalState:
            self._set("egret_approvals", holding.get(state, 0), state.value)
        self._set("egret_approvals_ending", ending)
        self._set("egret_approvals_ended", ended)

    # the daemon itself

    def proven(self, outcome: Proven, why: str = "") -> None:
        """What became of one proof; *why* it failed."""
        self._add("egret_evidence_total", 1, outcome.value)
        if outcome in {Proven.FAILED, Proven.DROPPED}:
            self.log.repeated(logging.WARNING, "evidence_not_kept", outcome.value, outcome=outcome, why=why)

    def evidence(self, *, size: int, incidents: int, expired: Mapping[str, int]) -> None:
        """How much evidence there is, and for how many incidents some was deleted, by bound."""
        self._set("egret_evidence_bytes", size)
        self._set("egret_evidence_incidents", incidents)
        for bound, number in expired.items():
            self._add("egret_evidence_expired_total", number, bound)

    def client_source(self, source: ClientSource, *, failing: int) -> None:
        """How many files or tables of that kind cannot be read now."""
        self._set("egret_client_sources_failing", failing, source.value)

    def workers_up(self, number: int) -> None:
        """How many capture processes run."""
        self._set("egret_workers_up", number)

    def worker_restarted(self, why: str) -> None:
        """A capture process died and another took its place."""
        self._add("egret_worker_restarts_total", 1)
        self.log.repeated(logging.ERROR, "worker_restarted", why=why)

    def messages_dropped(self, amount: int) -> None:
        """Messages from a worker were lost because the pipe was full."""
        self._add("egret_messages_dropped_total", amount)
        self.log.repeated(logging.WARNING, "messages_dropped", messages=amount)

    def internal_error(self, stage: Stage, error: BaseException | None = None) -> None:
        """An error of our own: counted, and its traceback logged at most once per 10 s and stage."""
        self._add("egret_internal_errors_total", 1, stage.value)
        kind = type(error).__name__ if error else "unknown"
        self.log.repeated(logging.ERROR, "internal_error", stage.value, error=error, stage=stage, kind=kind)

    def config_loaded(self, time_s: float) -> None:
        """The configuration was read without error, at *time_s* since the epoch."""
        self._set("egret_config_last_reload_success_timestamp_seconds", time_s)
        self._set("egret_config_last_reload_successful", 1)

    def reloaded(self, trigger: Trigger, *, applied: bool, why: str = "") -> None:
        """Settings or files were read again, and taken or not; *why* is for the log only."""
        self._add("egret_reloads_total", 1, trigger.value, "applied" if applied else "refused")
        if applied:
            self.log.event(logging.INFO, "reloaded", trigger=trigger)
            return
        self._set("egret_config_last_reload_successful", 0)
        self.log.event(logging.ERROR, "reload_refused", trigger=trigger, why=why, kept="what was in use before")


def _service_labels(signature: Signature) -> Labels:
    return (signature.vendor, signature.service, signature.category, signature.service_class)


def _ruled(severity: Severity, *, decided: bool) -> set[Severity]:
    """What a decision may make of a severity: tolerated is info unless critical, unapproved one step more."""
    return {severity, severity.step_up(), Severity.INFO} if decided else {severity}


def _timestamp(day: str) -> float:
    """Seconds since the epoch of an ISO date; 0 for none."""
    try:
        moment = date.fromisoformat(day)
    except ValueError:
        return 0.0
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC).timestamp()
