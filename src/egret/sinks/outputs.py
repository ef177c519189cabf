"""All sinks together: what the daemon offers alerts to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

from egret.alerts.messages import Message
from egret.alerts.model import Alert
from egret.sinks.alertmanager import AlertmanagerSink
from egret.sinks.apprise import AppriseSink
from egret.sinks.base import Delivery
from egret.sinks.breaker import Circuit
from egret.sinks.followers import Followers
from egret.sinks.journal import JournalSink
from egret.sinks.jsonl import JsonLinesSink
from egret.sinks.kafka import KafkaSink
from egret.sinks.nats import NatsSink
from egret.sinks.syslog import SyslogSink
from egret.sinks.terminal import TerminalSink
from egret.sinks.webhook import WebhookSink

SINKS = {
    "terminal": TerminalSink,
    "file": JsonLinesSink,
    "journal": JournalSink,
    "syslog": SyslogSink,
    "webhook": WebhookSink,
    "alertmanager": AlertmanagerSink,
    "apprise": AppriseSink,
    "kafka": KafkaSink,
    "nats": NatsSink,
}


class Outputs:
    """Fans alerts out; each sink has a queue and a task of its own."""

    def __init__(self, deliveries: Iterable[Delivery]) -> None:
        self._deliveries = tuple(deliveries)
        self._followers = Followers()

    def start(self) -> None:
        """Begin to send; needs a running event loop."""
        for delivery in self._deliveries:
            delivery.start()

    def offer(self, alerts: Iterable[Alert]) -> None:
        """Queue *alerts* for every sink that they are for. Never blocks."""
        for alert in alerts:
            self.tell(alert, self.route(alert))

    def route(self, alert: Alert) -> tuple[str, ...]:
        """The names of the sinks that *alert* is for; to be asked once of each alert, in their order."""
        wanting = {delivery.name: delivery.wants for delivery in self._deliveries}
        return self._followers.route(alert, wanting, lambda name: wanting[name](alert))

    def tell(self, message: Message, sinks: Collection[str]) -> None:
        """Queue *message* for *sinks*, whatever their routes. Never blocks."""
        for delivery in self._deliveries:
            if delivery.name in sinks:
                delivery.queue(message)

    @property
    def has_routes(self) -> bool:
        """Whether some sink does not get all alerts from its least severity up."""
        return any(delivery.options.routes for delivery in self._deliveries)

    def unfollow(self, incidents: Iterable[str]) -> None:
        """Incidents are dropped and will have no end."""
        for incident in incidents:
            self._followers.forget(incident)

    def offer_again(self, sink: str, alerts: Iterable[tuple[Message, float]]) -> None:
        """Queue alerts, with their ages in seconds, for one sink that does not have them."""
        for delivery in self._deliveries:
            if delivery.name == sink:
                for alert, age_s in alerts:
                    delivery.queue(alert, age_s)

    def not_queued(self, sink: str, ids: Iterable[str]) -> list[str]:
        """Those among *ids* that do not wait in the queue of *sink*, in their order; none if there is no such sink."""
        holds = {delivery.name: delivery.holds for delivery in self._deliveries}.get(sink)
        return [] if holds is None else [alert_id for alert_id in ids if not holds(alert_id)]

    def expire(self) -> int:
        """Drop what has waited too long; how many."""
        return sum(delivery.expire() for delivery in self._deliveries)

    def forget(self, unwanted: Callable[[Message], bool]) -> int:
        """Drop the alerts that wait and are *unwanted*; how many. One that is being sent now cannot be called back."""
        return sum(delivery.forget(unwanted) for delivery in self._deliveries)

    @property
    def names(self) -> tuple[str, ...]:
        """Every sink."""
        return tuple(delivery.name for delivery in self._deliveries)

    @property
    def queue_lengths(self) -> Mapping[str, int]:
        """Alerts that each receiver does not have yet."""
        return {delivery.name: delivery.queue_length for delivery in self._deliveries}

    @property
    def circuits(self) -> Mapping[str, Circuit]:
        """Whether each receiver is being asked."""
        return {delivery.name: delivery.circuit for delivery in self._deliveries}

    async def exchange(self, deliveries: Iterable[Delivery], timeout_s: float = 5.0) -> None:
        """Use *deliveries* from now on. Those among them that run go on; what an ended one left, its heir delivers."""
        before, self._deliveries = self._deliveries, tuple(deliveries)
        running = {id(delivery) for delivery in before}
        for delivery in self._deliveries:
            if id(delivery) not in running:
                delivery.start()
        staying = {id(delivery) for delivery in self._deliveries}
        ending = [delivery for delivery in before if id(delivery) not in staying]
        left = await asyncio.gather(*(delivery.close(timeout_s) for delivery in ending))
        for delivery, alerts in zip(ending, left, strict=True):
            self.offer_again(delivery.name, ((alert, 0.0) for alert in alerts))

    async def close(self, timeout_s: float = 5.0) -> None:
        """Flush and close all sinks side by side, within *timeout_s* and a little."""
        await asyncio.gather(*(delivery.close(timeout_s) for delivery in self._deliveries))
