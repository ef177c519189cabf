"""Chat, mail and pagers, through apprise; its only door.

Each address is told by itself, in a thread, and what one has got it does not get again when another fails. Apprise says
only whether it worked: what failed is tried again.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from egret.alerts.digest import Digest
from egret.alerts.formats.client import client_text
from egret.alerts.formats.digest import digest_lines, title
from egret.alerts.formats.inert import plain
from egret.alerts.formats.sensor import sensor_headline
from egret.alerts.formats.text import headline, several_lines
from egret.alerts.model import Action, Alert
from egret.alerts.sensor import SensorAlert
from egret.alerts.timestamps import rfc3339
from egret.errors import SinkTemporary
from egret.model import Severity
from egret.sinks.blocking import OneAtATime
from egret.value import replace

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
        await self._writer.run(partial(self._each, alert.id, *sensor_words(alert), alert.severity))

    async def digest(self, digest: Digest) -> None:
        """Tell every address once; see ``sinks.base.TakesDigests``."""
        body = "\n".join(map(plain, digest_lines(digest)))
        await self._writer.run(partial(self._each, digest.id, plain(title(digest))[:MAX_TITLE], body, digest.severity))

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
    """Subject and text; nothing in them is markup for a chat, whatever the network sent.

    The subject is the same for an incident's whole life: mail programs and chats put equal ones into one thread.
    """
    incident = alert.incident
    title = f"Egret: {incident.service}, {client_text(incident)}, incident {incident.id[:8]}"
    unlinked = replace(alert, incident=replace(incident, page=None))
    whole = alert.action in {Action.OPENED, Action.ESCALATED}  # who hears of high ones only hears of it now
    more = several_lines(unlinked)[1:] if whole else [f"incident {incident.id}"]
    first = _first(alert.severity, alert.action.value, alert.time_ns, headline(alert))
    link = [incident.page] if incident.page else []  # the operator's own words: to be a link, as it is
    return plain(title)[:MAX_TITLE], "\n".join([*map(plain, [first, *more]), *link])


def sensor_words(alert: SensorAlert) -> tuple[str, str]:
    """As ``words``, of a problem of the sensor's own."""
    finding = alert.finding
    title = f"Egret: sensor: {finding.problem.value.replace('_', ' ')} {finding.subject}".strip()
    return plain(title)[:MAX_TITLE], plain(
        _first(alert.severity, alert.turn.value, alert.time_ns, sensor_headline(alert))
    )


def _first(severity: Severity, action: str, time_ns: int, sentence: str) -> str:
    return f"{severity.value.upper()} {action} {rfc3339(time_ns)[:19]}Z: {sentence}"


def _receiver(url: str) -> Any:
    """One address, or None if apprise does not understand it."""
    apprise = library()
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines hold addresses with tokens
    made = apprise.Apprise()
    return made if made.add(url) else None


def library() -> Any:
    """Load apprise, and every service that it knows: it reads them late, when files may be out of reach."""
    import apprise  # noqa: PLC0415 - it takes seconds: only who uses it waits

    trust = _system_store()
    if trust is not None:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", trust)
    apprise.Apprise.instantiate("json://localhost/")  # any address makes it read them
    "localhost".encode("idna")  # Python reads this late, too
    return apprise


def _system_store() -> str | None:
    """Whom this machine trusts, a company's own authority included; else requests asks its own list only."""
    paths = ssl.get_default_verify_paths()
    folder = [paths.capath] if paths.capath and any(Path(paths.capath).iterdir()) else []
    return next(iter([paths.cafile] if paths.cafile else folder), None)
