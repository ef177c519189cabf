"""Alerts with the outputs that they are for, committed; and who heard of what, found again after a restart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from egret.alerts.model import Alert, Incident
from egret.errors import StoreError
from egret.sinks.outputs import Outputs
from egret.store.incidents import IncidentStore

Routed = tuple[Alert, tuple[str, ...]]


def record(store: IncidentStore, routed: Sequence[Routed]) -> int:
    """Commit alerts, each with a place in the outbox of every sink that it is for; how many.

    What fails waits in the store.

    Raises:
        StoreError: some wait there.
    """
    failed: StoreError | None = None
    for sinks, group in groupby(routed, lambda pair: pair[1]):
        try:
            store.record(alerts=[alert for alert, _ in group], sinks=sinks)
        except StoreError as error:  # the other groups must wait there as well
            failed = error
    if failed is not None:
        raise failed
    return len(routed)


def follow(store: IncidentStore, outputs: Outputs, incidents: Iterable[Incident]) -> None:
    """Learn from their alerts on record which outputs heard of *incidents*.

    Raises:
        StoreError: not of all of them.
    """
    if outputs.has_routes:  # else all of them want all of it
        for incident in incidents:
            for alert in store.alerts(incident.id):
                outputs.route(alert)
