"""The account that must balance: every detection and every alert ends somewhere, and the metrics say where.

``detections = opened + folded + suppressed``; for each output ``offered = delivered + rejected + dropped + forgotten +
kept + waiting``. Whatever does not add up was lost without a word, which is a bug.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import NamedTuple

from prometheus_client.samples import Sample

from egret.telemetry.table import Outcome

ENDS = tuple(outcome for outcome in Outcome if outcome is not Outcome.FAILED)  # failed is an attempt, not an end


class Line(NamedTuple):
    """One line of the account."""

    name: str  # "detections", or an output's name
    came: int
    went: Mapping[str, int]

    @property
    def missing(self) -> int:
        """What nothing explains; below 0: what was explained twice."""
        return self.came - sum(self.went.values())

    def __str__(self) -> str:
        ends = " + ".join(f"{number:,} {name}" for name, number in self.went.items() if number)
        verdict = "balances" if not self.missing else f"{self.missing:,} UNEXPLAINED"
        return f"{self.name}: {self.came:,} = {ends or 0} ({verdict})"


def account(samples: Iterable[Sample]) -> list[Line]:
    """Add the metrics up; the line of the detections comes first, then one for each output.

    Args:
        samples: of one exposition.
    """
    totals: dict[str, int] = defaultdict(int)
    sinks: dict[str, dict[str, int]] = defaultdict(dict)
    for sample in samples:
        if not isfinite(sample.value):
            continue
        totals[sample.name] += int(sample.value)
        if (sink := sample.labels.get("sink")) is not None:
            key = sample.labels.get("outcome", sample.name)
            if sample.name in {"egret_deliveries_total", *_OF_A_SINK}:
                sinks[sink][key] = int(sample.value)
    went = {
        "opened": totals["egret_incidents_opened_total"],
        "folded": totals["egret_detections_folded_total"],
        "suppressed": totals["egret_alerts_suppressed_total"],
    }
    return [
        Line("detections", totals["egret_detections_total"], went),
        *(_line(name, values) for name, values in sorted(sinks.items())),
    ]


_OF_A_SINK = ("egret_deliveries_offered_total", "egret_delivery_queue_length")


def _line(name: str, values: Mapping[str, int]) -> Line:
    offered, queue = _OF_A_SINK
    went = {outcome.value: values.get(outcome.value, 0) for outcome in ENDS}
    return Line(name, values.get(offered, 0), {**went, "waiting": values.get(queue, 0)})
