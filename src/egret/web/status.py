"""What the status page shows: snapshots that the daemon gives, and what can be read off the metrics.

Nothing about a connection that matched no signature is in here, only counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from egret.alerts.model import Alert, Incident
from egret.alerts.selection import EVERYTHING, Selection
from egret.alerts.sensor import Standing
from egret.model import NamedBy, Nameless
from egret.store.evidence import Kept
from egret.telemetry import Telemetry
from egret.telemetry.coverage import Interval, Length
from egret.telemetry.table import DropStage, Outcome

_ENOUGH_HELLOS = 200  # below it, a share says nothing about a network's habits
_FEW_LOOKUPS = 0.1  # look-ups for each hello; an ordinary network has more than one


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """One watched interface."""

    interface: str
    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """One GeoIP database in use."""

    name: str
    built_s: float  # seconds since the epoch
    attribution: str  # what its licence wants said wherever its data is shown; "" for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStatus:
    """One output; its counts come from the metrics."""

    name: str
    queue_length: int
    last_error: str | None  # None: the last attempt succeeded, or there was none
    circuit: str = "closed"  # of the breaker: closed, open, half_open


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the daemon can see: sockets bound, links up. Silence on a link is no reason."""

    ready: bool
    reasons: tuple[str, ...] = ()  # what is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What only the daemon knows."""

    version: str
    now_ns: int
    started_ns: int
    why_here: str  # why these interfaces: "this host forwards; eth1 and wg0 face the inside"
    inside: tuple[str, ...]  # the networks of the clients, as text
    links: tuple[LinkStatus, ...]
    catalog_version: str
    catalog_signatures: int
    catalog_last_reviewed: str  # ISO date of the newest review
    vendors: tuple[str, ...] = ()  # of the catalogue, by name
    groups: tuple[str, ...] = ()  # of clients, by name
    databases: tuple[DatabaseStatus, ...]
    sinks: tuple[SinkStatus, ...]
    store_path: str
    store_error: str | None
    readiness: Readiness
    problems: tuple[Standing, ...] = ()  # of the sensor itself, the gravest first


class IncidentState(StrEnum):
    """Which incidents to list."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentPage:
    """Some incidents, the one seen last first, and how many there are in all."""

    incidents: Sequence[Incident]
    total: int  # of those that were asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One alert of an incident, and who does not have it yet."""

    alert: Alert
    deliveries: Mapping[str, Delivered]  # by output: those that want it


class DeliveryState(StrEnum):
    """Where an alert stands with an output."""

    DONE = "done"  # it has it; or a bound came first, which the metrics count
    WAITING = "waiting"
    DEAD = "dead"  # its receiver will never take it


class Delivered(NamedTuple):
    """Where an alert stands with an output, and why."""

    state: DeliveryState
    detail: str = ""  # of a dead letter; it may hold what a receiver answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that there is about one incident."""

    incident: Incident
    told: Sequence[Told] = ()  # oldest first
    record: Mapping[str, Any] | None = None  # of its evidence


class StatusView(Protocol):
    """The daemon, as far as the web may see it: read only, quick, never raises anything but StoreError."""

    @property
    def telemetry(self) -> Telemetry:
        """The metrics."""
        ...

    def facts(self) -> Facts:
        """The daemon's state now."""
        ...

    async def incidents(
        self, state: IncidentState, selection: Selection = EVERYTHING, *, limit: int, offset: int = 0
    ) -> IncidentPage:
        """Up to *limit* incidents of *selection* after *offset* others, the one seen last first.

        Raises:
            StoreError: the store cannot be read.
        """
        ...

    async def story(self, incident: str, /) -> Story | None:
        """One incident with all that was said and kept of it, None where there is none of that name.

        Raises:
            StoreError: the store cannot be read.
        """
        ...

    def evidence(self, incident: str, /) -> Kept | None:
        """The evidence of one incident, None where there is none; reads the disk, and is called in a thread."""
        ...

    def coverage(self, length: Length) -> Sequence[Interval]:
        """The coverage ledger by minute or hour, the oldest first; a stretch without a row was not watched."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Outbound connections by what named them: what a quiet page is worth."""

    by_name: Mapping[NamedBy, int]
    nameless: Mapping[Nameless, int]

    @property
    def connections(self) -> int:
        """All of them."""
        return sum(self.by_name.values())

    @property
    def share(self) -> float | None:
        """The part that has a name, 0 to 1; None before the first connection."""
        return 1 - self.by_name[NamedBy.NOTHING] / self.connections if self.connections else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What was not looked at."""

    received: int
    dropped: Mapping[DropStage, int]
    messages: int  # lost between a worker and the daemon

    @property
    def any(self) -> bool:
        """Whether anything was lost at all."""
        return self.messages > 0 or any(self.dropped.values())


def coverage(telemetry: Telemetry) -> Coverage:
    """Read coverage off the metrics."""
    return Coverage(
        by_name={by: int(telemetry.total("egret_connections_total", named_by=by.value)) for by in NamedBy},
        nameless={why: int(telemetry.total("egret_connections_nameless_total", reason=why.value)) for why in Nameless},
    )


def loss(telemetry: Telemetry) -> Loss:
    """Read loss off the metrics."""
    return Loss(
        received=int(telemetry.total("egret_packets_received_total")),
        dropped={stage: int(telemetry.total("egret_packets_dropped_total", stage=stage.value)) for stage in DropStage},
        messages=int(telemetry.total("egret_messages_dropped_total")),
    )


def deliveries(telemetry: Telemetry, sink: str) -> dict[Outcome, int]:
    """What became of the alerts for one output."""
    return {o: int(telemetry.total("egret_deliveries_total", sink=sink, outcome=o.value)) for o in Outcome}


def hints(telemetry: Telemetry) -> list[str]:
    """What may hide names from us, in words."""
    found = []
    if telemetry.total("egret_detections_total", **{"class": "resolver"}):
        found.append(
            "Clients ask PRC resolvers over encrypted DNS or HTTPDNS; what they ask there cannot be seen here."
        )
    if telemetry.total("egret_encrypted_dns_connections_total"):
        found.append("Clients use encrypted resolvers outside the PRC; their look-ups are in no DNS record.")
    lookups = telemetry.total("egret_names_total", protocol="dns", kind="query")
    hellos = telemetry.total("egret_names_total", kind="client_hello")
    if hellos >= _ENOUGH_HELLOS and lookups < hellos * _FEW_LOOKUPS:
        found.append(
            "Few look-ups for the connections seen: clients use encrypted DNS, or a resolver whose traffic does not "
            "pass here. Names then come from hellos alone."
        )
    return found
