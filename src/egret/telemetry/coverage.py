"""What was seen and what was not, in counts by interval: so that silence is never mistaken for peace.

A row says for a stretch of time how many outbound connections there were, what named them, why others have no name,
what hid names (encrypted DNS, HTTPDNS, ECH), and what was lost on the way. Labels come from closed lists, the catalogue
and the list of resolvers; there is no address and no host name in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from egret.model import NamedBy
from egret.telemetry.worker_counters import WORKER_COUNTERS
from egret.value import Struct

if TYPE_CHECKING:
    from egret.telemetry.metrics import Telemetry

Counts = Mapping[str, Mapping[str, int]]  # part: label: number; what is 0 is left out

# part: the metric, and the label that divides it
PARTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "named_by": ("egret_connections_total", "named_by"),
        "nameless": ("egret_connections_nameless_total", "reason"),
        "encrypted_dns": ("egret_encrypted_dns_connections_total", "resolver"),
        "prc_resolvers": ("egret_prc_resolver_connections_total", "resolver"),
        "httpdns": ("egret_httpdns_lookups_total", "resolver"),
        "ech": ("egret_ech_hellos_total", "ech"),
        "received": ("egret_packets_received_total", "interface"),
        "dropped": ("egret_packets_dropped_total", "stage"),
        "evictions": ("egret_evictions_total", "table"),
        "unreadable": ("egret_anomalies_total", "reason"),
    }
)
LINK_DOWN, LINK_SILENT = "link_down_s", "link_silent_s"  # parts that only a daemon has: seconds by interface
MESSAGES = "messages"  # of "dropped": what a worker said and the daemon did not hear
_MESSAGES = "egret_messages_dropped_total"
_BY_METRIC = {metric: part for part, (metric, _label) in PARTS.items()}
_LABEL_AT = {"connections": 2, "anomalies": 2, "dropped": 2}  # of a key; else 1; at 0 is the counter's name


class Length(IntEnum):
    """How long an interval is, in seconds."""

    MINUTE = 60
    HOUR = 3600


class Interval(Struct, frozen=True, kw_only=True):
    """One row of the ledger."""

    start_s: int  # since the epoch
    seconds: int  # that Egret watched; less than the interval is long where it started or stopped in it
    counts: Counts = MappingProxyType({})

    @property
    def connections(self) -> int:
        """Outbound connections."""
        return sum(self.part("named_by").values())

    @property
    def share(self) -> float | None:
        """The part of them that has a name, 0 to 1; None without connections."""
        return 1 - self.part("named_by").get(NamedBy.NOTHING.value, 0) / self.connections if self.connections else None

    @property
    def lost(self) -> int:
        """Packets and messages that were never looked at."""
        return sum(self.part("dropped").values())

    def part(self, name: str) -> Mapping[str, int]:
        """One part's numbers by label."""
        return self.counts.get(name, {})


def totals(telemetry: Telemetry) -> Counts:
    """Everything since the start, read off the metrics."""
    found = {part: _whole(telemetry.by_label(metric, label)) for part, (metric, label) in PARTS.items()}
    if messages := int(telemetry.total(_MESSAGES)):
        found["dropped"][MESSAGES] = messages
    return found


def of_worker(counts: Mapping[tuple[str, ...], int]) -> Counts:
    """The same of one pipeline's counts (``Pipeline.take_counts``)."""
    found: dict[str, dict[str, int]] = {part: {} for part in PARTS}
    for key, number in counts.items():
        part = _BY_METRIC.get(WORKER_COUNTERS.get(key[0], ""))
        if part is not None:
            label = key[_LABEL_AT.get(key[0], 1)]
            found[part][label] = found[part].get(label, 0) + number
    return found


def difference(now: Counts, before: Counts) -> Counts:
    """What came since *before*, without what did not change."""
    parts = {
        part: {label: number - before.get(part, {}).get(label, 0) for label, number in labels.items()}
        for part, labels in now.items()
    }
    return {part: kept for part, labels in parts.items() if (kept := {k: v for k, v in labels.items() if v > 0})}


def together(rows: Iterable[Counts]) -> Counts:
    """The sum of several rows."""
    summed: dict[str, dict[str, int]] = {}
    for row in rows:
        for part, labels in row.items():
            into = summed.setdefault(part, {})
            for label, number in labels.items():
                into[label] = into.get(label, 0) + number
    return summed


def _whole(numbers: Mapping[str, float]) -> dict[str, int]:
    return {label: int(number) for label, number in numbers.items()}
