"""What became of alerts, by output: metrics and log lines."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from egret.telemetry.logs import Log
from egret.telemetry.series import Series
from egret.telemetry.table import CircuitState, Outcome

_OF_A_SINK = (
    "egret_deliveries_offered_total",
    "egret_delivery_queue_length",
    "egret_delivery_unread",
    "egret_dead_letters",
    "egret_dead_letters_dropped_total",
)


class Deliveries(Series):
    """The part of ``Telemetry`` that is about outputs."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self._circuits: dict[str, str] = {}  # of each output
        self._unrecorded = 0

    def sinks(self, names: Iterable[str]) -> None:
        """Announce the outputs."""
        for name in names:
            self._announce("egret_deliveries_total", [(name, outcome.value) for outcome in Outcome])
            self._announce("egret_delivery_circuit", [(name, state.value) for state in CircuitState])
            self._circuits.setdefault(name, CircuitState.CLOSED.value)
            self._set("egret_delivery_circuit", 1, name, self._circuits[name])
            for metric in _OF_A_SINK:
                self._announce(metric, [(name,)])

    def delivery(self, sink: str, outcome: Outcome, amount: int = 1, why: str = "") -> None:
        """What became of *amount* alerts for an announced output; *why* is for the log only."""
        self._add("egret_deliveries_total", amount, sink, outcome.value)
        if outcome is not Outcome.DELIVERED:
            level = logging.WARNING if outcome is Outcome.FAILED else logging.ERROR
            event = f"delivery_{outcome.value}"
            self.log.repeated(level, event, sink, sink=sink, alerts=amount, why=why)

    def offered(self, sink: str, amount: int) -> None:
        """*amount* alerts were queued for an announced output."""
        self._add("egret_deliveries_offered_total", amount, sink)

    def circuit(self, sink: str, state: str) -> None:
        """The circuit breaker of an announced output is in *state*; a change is logged."""
        before = self._circuits.get(sink)
        if before == state:
            return
        self._circuits[sink] = state
        for each in CircuitState:
            self._set("egret_delivery_circuit", each.value == state, sink, each.value)
        level = logging.INFO if state == CircuitState.CLOSED else logging.WARNING
        self.log.repeated(level, "delivery_circuit", f"{sink} {state}", sink=sink, state=state)

    def dead_letters(self, sink: str, number: int) -> None:
        """How many dead letters an announced output has."""
        self._set("egret_dead_letters", number, sink)

    def dead_dropped(self, sink: str, amount: int) -> None:
        """Dead letters were deleted; those of an output that is no longer configured are logged only."""
        if (sink,) in self._known["egret_dead_letters_dropped_total"]:
            self._add("egret_dead_letters_dropped_total", amount, sink)
        why = "more than outputs.spool.max_dead; the oldest of the lowest severity went"
        self.log.event(logging.ERROR, "dead_letters_dropped", sink=sink, alerts=amount, why=why)

    def unrecorded(self, total: int) -> None:
        """How many alerts were lost to the history since the start, in all."""
        if total > self._unrecorded:
            self._add("egret_alerts_unrecorded_total", total - self._unrecorded)
            self.log.repeated(logging.ERROR, "alerts_unrecorded", alerts=total - self._unrecorded)
            self._unrecorded = total

    def unread(self, sink: str, alerts: int) -> None:
        """How many alerts of the spool are not in the queue of an announced output yet."""
        self._set("egret_delivery_unread", alerts, sink)

    def queue_length(self, sink: str, alerts: int) -> None:
        """How many alerts wait for an announced output."""
        self._set("egret_delivery_queue_length", alerts, sink)
