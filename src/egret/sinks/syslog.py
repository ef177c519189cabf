"""Alerts as syslog messages. What they look like is ``alerts.formats.syslog``, how they travel ``syslog_wire``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from egret.alerts.digest import Digest
from egret.alerts.formats.syslog import SyslogForm, digest_message, message, sensor_message
from egret.alerts.model import Alert
from egret.alerts.sensor import SensorAlert
from egret.sinks.syslog_wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogOptions:
    """Where messages go, and what they look like."""

    name: str
    wire: Wire
    form: SyslogForm


class SyslogSink:
    """Sends messages."""

    def __init__(self, options: SyslogOptions) -> None:
        self.name = options.name
        self._wire, self._form = options.wire, options.form

    def health(self) -> str | None:
        """What the way there says."""
        trouble = self._wire.health()
        return None if trouble is None else f"syslog {self.name}: {trouble}"

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Send *alerts*; see ``Sink.send``. Repeats are told apart by the alert's id."""
        await self._wire.send([message(alert, self._form) for alert in alerts])

    async def warn(self, alert: SensorAlert) -> None:
        """Send *alert*; see ``sinks.notices.Warns``."""
        await self._wire.send([sensor_message(alert, self._form)])

    async def digest(self, digest: Digest) -> None:
        """Send *digest*; see ``sinks.base.TakesDigests``."""
        await self._wire.send([digest_message(digest, self._form)])

    async def close(self) -> None:
        """Close the way there."""
        await self._wire.close()
