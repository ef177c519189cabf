"""A ledger on a real SQLite file with a sink that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from egret.alerts.digest import Digest
from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.alerts.model import Alert
from egret.daemon.ledger import Ledger
from egret.daemon.view import SinkWatch
from egret.judge.verdict import Judge, Policy
from egret.sinks.base import Delivery, DeliveryOptions, Outcome
from egret.sinks.outputs import Outputs
from egret.store.incidents import IncidentStore
from egret.telemetry import Telemetry
from tests.support.patience import PATIENCE_S
from tests.support.pipeline import CATALOG


class Collector:
    """A sink that keeps what it gets."""

    name = "collector"

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.digests: list[Digest] = []
        self.trouble: Exception | None = None  # raised instead of taking anything

    def health(self) -> str | None:
        return None

    async def send(self, alerts: Sequence[Alert]) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.alerts += alerts

    async def digest(self, digest: Digest) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.digests.append(digest)

    async def close(self) -> None:
        return None


class Room:
    """Everything a ledger touches."""

    def __init__(self, store: Path, policy: IncidentPolicy | None = None) -> None:
        self.telemetry = Telemetry("test")
        self.telemetry.watch(["lan0"])
        self.telemetry.sinks(["collector"])
        self.watch = SinkWatch(self.telemetry)
        self.sink = Collector()
        self.delivery = Delivery(self.sink, DeliveryOptions(), self.watch)
        self.outputs = Outputs([self.delivery])
        self.incidents = Incidents(policy)
        self.store = IncidentStore(store)
        judge = Judge(Policy(), None)
        self.ledger = Ledger(judge, self.incidents, self.store, self.outputs, self.telemetry, keep_s=86_400.0)
        self.watch.settled = self.ledger.settled
        self.catalog = CATALOG

    def said(self) -> list[str]:
        return [f"{alert.action} {alert.incident.signature}" for alert in self.sink.alerts]

    def became(self, outcome: Outcome) -> float:
        """How many deliveries became that."""
        return self.telemetry.value("egret_deliveries_total", "collector", outcome)

    async def close_outputs(self) -> None:
        """Deliver what waits, unless the sink takes nothing."""
        await self.outputs.close(PATIENCE_S if self.sink.trouble is None else 0.0)


def live(room: Room, during: Callable[[], Awaitable[None]]) -> None:
    """Run the ledger and its outputs around *during*, then end them in order."""

    async def play() -> None:
        room.outputs.start()
        task = asyncio.create_task(room.ledger.run())
        await during()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await room.ledger.flush()
        await room.close_outputs()
        await room.ledger.close()

    asyncio.run(play())
