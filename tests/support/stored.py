"""What a store has on the disk, as the status page reads it."""

from __future__ import annotations

from collections.abc import Sequence

from egret.alerts.messages import Message
from egret.alerts.model import Incident
from egret.alerts.selection import Selection
from egret.store.history import find
from egret.store.incidents import IncidentStore


def stored(store: IncidentStore, *, closed_only: bool = False) -> Sequence[Incident]:
    """All incidents, the one seen last first."""
    return find(store.database, Selection(), closed_only=closed_only, limit=10_000, offset=0).incidents


def unsent(store: IncidentStore, sink: str) -> list[Message]:
    """All that *sink* does not have."""
    return store.waiting(sink, store.waiting_ids(sink, 10_000))
