"""What every reason of a score is worth, and which sums raise a severity: section ``score`` of the configuration.

With the defaults no detection by itself reaches a threshold: only what the network adds (volume, a server that calls
an API) can raise a severity, so the class's severity is what a bare detection has.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from types import MappingProxyType
from typing import NamedTuple

from egret.model import Category, ServiceClass, Severity
from egret.value import Struct

_MEDIUM, _HIGH, _CRITICAL = Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL  # an attribute costs a look-up each time
_DAY_NS = 86_400 * 1_000_000_000
MEGABYTE = 1_000_000


class Step(NamedTuple):
    """From so many bytes sent, so many points."""

    from_bytes: int
    points: int


_CLASSES = {
    ServiceClass.AI: 45,
    ServiceClass.EMBEDDED: 30,
    ServiceClass.CLOUD: 5,
    ServiceClass.RESOLVER: 5,
    ServiceClass.BROAD: 0,
}
_STEPS = (Step(MEGABYTE, 3), Step(10 * MEGABYTE, 6), Step(100 * MEGABYTE, 10), Step(1000 * MEGABYTE, 15))


class Points(Struct, frozen=True, kw_only=True):
    """The points of each reason, the thresholds, and what the reasons are measured by."""

    classes: Mapping[ServiceClass, int] = MappingProxyType(_CLASSES)
    categories: Mapping[Category, int] = MappingProxyType({Category.CODING_ASSISTANT: 3})
    operator_prc: int = 15
    operator_contested: int = 8
    hosting_in_china: int = 10
    inference_mainland: int = 7  # documented, and the place is elsewhere
    lookup_only: int = -10
    unsure_name: int = -10
    first_in_network: int = 5
    first_by_client: int = 3
    rare: int = 5
    rare_clients: int = 2
    server_api: int = 10
    server_groups: frozenset[str] = frozenset({"server", "servers"})
    volume: tuple[Step, ...] = _STEPS
    odd_hours: int = 0
    hours: tuple[int, int] = (7, 20)  # from, to (not included); past midnight where the first is the larger
    time_zone: tzinfo = UTC
    window_ns: int = 30 * _DAY_NS  # what was last seen longer ago is new again
    raise_to_medium: int | None = None
    raise_to_high: int | None = 80
    raise_to_critical: int | None = 90

    def threshold(self, severity: Severity) -> int | None:
        """The sum from which *severity* is the least; None: no sum raises to it."""
        if severity is Severity.CRITICAL:
            return self.raise_to_critical
        if severity is Severity.HIGH:
            return self.raise_to_high
        return self.raise_to_medium if severity is Severity.MEDIUM else None

    def raised(self, severity: Severity, score: int) -> Severity:
        """*severity*, or a higher one that *score* reaches; never a lower one."""
        for each, at in (
            (_CRITICAL, self.raise_to_critical),
            (_HIGH, self.raise_to_high),
            (_MEDIUM, self.raise_to_medium),
        ):
            if at is not None and score >= at:
                return each if each.rank > severity.rank else severity
        return severity

    def most(self, service_class: ServiceClass) -> int:
        """The highest sum that a detection of that class can have by itself, whatever its operator and place."""
        summands = (
            self.classes.get(service_class, 0),
            max((0, *self.categories.values())),
            max(0, self.operator_prc, self.operator_contested),
            max(0, self.hosting_in_china, self.inference_mainland),
            max(0, self.lookup_only),
            max(0, self.unsure_name),
        )
        return min(100, max(0, sum(summands)))


DEFAULT_POINTS = Points()
