"""Chat, mail and pagers, through apprise; its only door.

Each address is told by itself, in a thread, and what one has got it does not get again when another fails. Apprise says
only whether it worked: what failed is tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from egret.alerts.formats.inert import plain
from egret.alerts.formats.sensor import sensor_headline
from egret.alerts.formats.text import headline, several_lines
from egret.alerts.model import Action, Alert
from egret.alerts.sensor import SensorAlert
from egret.errors import SinkTemporary
from egret.model import Severity
from egret.sinks.blocking import OneAtATime

_KINDS = {  # apprise's words: they choose a colour or an icon
    Severity.INFO: "info",
    Severity.LOW: "info",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "failure",
    Severity.CRITICAL: "failure",
}
MAX_TITLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseOptions:
    """Whom to tell."""

    name: str
    urls: tuple[str, ...] = field(repr=False)  # they hold tokens and passwords


class AppriseSink:
    """Tells people."""

    def __init__(self, options: AppriseOptions) -> None:
        self.name = options.name
        self._receivers = [_receiver(url) for url in options.urls]
        self._told: dict[str, set[int]] = {}  # alert: which of them have it, while others do not
        self._writer = OneAtATime(f"sink {options.name}")

    def health(self) -> str | None:
        """Whether apprise understands every address."""
        bad = [str(number) for number, each in enumerate(self._receivers, start=1) if each is None]
        if not bad:
            return None
        return f"apprise {self.name}: address {', '.join(bad)} is none that apprise understands"

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Tell every address; see ``Sink.send``."""
        for alert in alerts:
            await self._writer.run(partial(self._tell, alert))

    async def warn(self, alert: SensorAlert) -> None:
        """Tell every address once; see ``sinks.notices.Warns``."""
        title = plain(f"Egret: {alert.severity.value} {alert.turn.value}: the sensor itself")[:MAX_TITLE]
        await self._writer.run(partial(self._each, alert.id, title, plain(sensor_headline(alert)), alert.severity))

    def _tell(self, alert: Alert) -> None:
        self._each(alert.id, *words(alert), alert.severity)

    def _each(self, alert_id: str, title: str, body: str, severity: Severity) -> None:
        told = self._told.setdefault(alert_id, set())
        left = [(number, each) for number, each in enumerate(self._receivers) if number not in told]
        for number, receiver in left:
            kind = _KINDS[severity]
            if receiver is not None and receiver.notify(body=body, title=title, notify_type=kind, body_format="text"):
                told.add(number)
        failed = [str(number + 1) for number, _ in left if number not in told]
        if failed:
            raise SinkTemporary(
                f"apprise {self.name}: address {', '.join(failed)} of {len(self._receivers)} did not take it"
            )
        del self._told[alert_id]

    async def close(self) -> None:
        """There is nothing to close."""


def words(alert: Alert) -> tuple[str, str]:
    """Subject and text; nothing in them is markup for a chat, whatever the network sent."""
    title = f"Egret: {alert.severity.value} {alert.action.value}: {alert.incident.service}"
    lines = (
        several_lines(alert) if alert.action is Action.OPENED else [headline(alert), f"incident {alert.incident.id}"]
    )
    return plain(title)[:MAX_TITLE], "\n".join(map(plain, lines))


def _receiver(url: str) -> Any:
    """One address, or None if apprise does not understand it."""
    apprise = library()
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines hold addresses with tokens
    made = apprise.Apprise()
    return made if made.add(url) else None


def library() -> Any:
    """Load apprise."""
    import apprise  # noqa: PLC0415 - it takes a third of a second: only who uses it waits

    return apprise
