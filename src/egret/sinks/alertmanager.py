"""Incidents in Alertmanager (API v2): firing while they are open, resolved when they close.

Alertmanager tells alerts apart by their labels, so only what an incident *is* becomes one: who, which service, seen
where. What changes is an annotation. It forgets an alert that is not repeated before its ``endsAt``: so every open
incident is sent again each ``repeat_s``, with an end ``expire_s`` ahead, and a closed one, with its true end, for
``RESOLVED_S``, as Prometheus does it.

Every peer gets everything: peers of a cluster share silences, not alerts. An alert counts as delivered when one peer
took it; the others get it with the next repeat.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from egret.alerts.formats.sensor import sensor_headline
from egret.alerts.formats.text import counts_text, headline, hosting_text, main_host, operator_text
from egret.alerts.model import Action, Alert, Incident, Sensor
from egret.alerts.sensor import REMIND_NS, SensorAlert, Turn
from egret.alerts.timestamps import rfc3339
from egret.alerts.volume import volume_text
from egret.errors import SinkRejected, SinkTemporary
from egret.names import printable
from egret.sinks.answers import judge

RESOLVED_S = 15 * 60.0
MAX_ANNOTATION = 2_000  # characters; receivers of Alertmanager cut mails and messages themselves
_BATCH = 500  # alerts a request
_NS = 1_000_000_000
_GRACE_NS = 600 * _NS  # a reminder may be late by as much

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerOptions:
    """Where it is, and how often it is told."""

    name: str
    peers: tuple[str, ...] = field(repr=False)  # may hold passwords
    sensor: Sensor
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 10.0
    repeat_s: float = 60.0
    expire_s: float = 300.0
    severity_label: bool = False  # also a label: an escalation then resolves the alert and fires another
    open_now: Callable[[], Iterable[Incident]] = tuple  # the incidents that are open
    wants: Callable[[Alert], bool] = lambda _alert: True  # severity and routes of this output


@dataclass(slots=True)
class _Firing:
    alert: Alert
    labels: Labels
    over_s: float | None = None  # when its end was first sent, by our clock


class AlertmanagerSink:
    """Posts to every peer, and repeats."""

    def __init__(self, options: AlertmanagerOptions) -> None:
        self.name = options.name
        self._options = options
        self._session: aiohttp.ClientSession | None = None
        self._firing: dict[str, _Firing] = {}  # by incident
        self._troubles: dict[int, str] = {}  # of each peer, by its place in the list

    @property
    def trouble(self) -> str | None:
        """What is wrong with some peers, while others work."""
        return "; ".join(f"peer {number + 1}: {why}" for number, why in sorted(self._troubles.items())) or None

    def health(self) -> str | None:
        """Nothing that could be known without asking: the settings check the addresses."""
        return None

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Tell every peer; see ``Sink.send``."""
        now_s = time.time()
        payload = [each for alert in alerts for each in self._note(alert, now_s)]
        await self._post_all(payload)

    async def warn(self, alert: SensorAlert) -> None:
        """Fire for what is amiss with the sensor, for a day, or resolve it; see ``sinks.notices.Warns``."""
        over = alert.turn is Turn.RECOVERED
        labels = {
            "alertname": "EgretSensor",
            "instance": self._options.sensor.hostname or "",
            "problem": alert.finding.problem.value,
            "subject": alert.finding.subject,
        }
        post = {
            "labels": {name: printable(value) for name, value in labels.items() if value},
            "annotations": {"summary": sensor_headline(alert), "severity": alert.severity.value},
            "startsAt": rfc3339(alert.since_ns),
            "endsAt": rfc3339(alert.time_ns if over else alert.time_ns + REMIND_NS + _GRACE_NS),
        }
        await self._post_all([post])

    def _note(self, alert: Alert, now_s: float) -> list[dict[str, Any]]:
        """What to post of *alert*: its new state, and the end of what it was under other labels."""
        labels = identity(alert, self._options.sensor, severity_label=self._options.severity_label)
        before = self._firing.get(alert.incident.id)
        closed = alert.incident.closed_ns is not None
        firing = self._firing[alert.incident.id] = _Firing(alert, labels, now_s if closed else None)
        posts = [self._postable(firing, now_s)]
        if before is not None and before.labels != labels:
            posts.insert(0, self._postable(_Firing(before.alert, before.labels, now_s), now_s))
        return posts

    def _postable(self, firing: _Firing, now_s: float) -> dict[str, Any]:
        incident = firing.alert.incident
        now_ns = round(now_s * _NS)
        start_ns = min(incident.first_ns, now_ns)  # the clock may have been set back
        if firing.over_s is None:
            end_ns = now_ns + round(self._options.expire_s * _NS)
        else:
            end_ns = min(incident.closed_ns or now_ns, round(firing.over_s * _NS))
        return {
            "labels": firing.labels,
            "annotations": describe(firing.alert),
            "startsAt": rfc3339(start_ns),
            "endsAt": rfc3339(max(end_ns, start_ns)),
            **({"generatorURL": incident.page} if incident.page else {}),
        }

    async def run(self) -> None:
        """Repeat what is open, and resolve what no longer is, until cancelled; see ``Background``."""
        for incident in self._options.open_now():
            alert = _current(incident)
            if self._options.wants(alert):
                self._note(alert, time.time())
        while True:
            await self.repeat(time.time())
            await asyncio.sleep(self._options.repeat_s)

    async def repeat(self, now_s: float) -> None:
        """Tell every peer the state of everything; what fails is told again the next time."""
        self._look(now_s)
        posts = [self._postable(firing, now_s) for firing in self._firing.values()]
        for at in range(0, len(posts), _BATCH):
            try:
                await self._post_all(posts[at : at + _BATCH])
            except (SinkTemporary, SinkRejected):  # shown as ``trouble``
                return

    def _look(self, now_s: float) -> None:
        """Learn which incidents are still open; one whose end was told to others than us, or to nobody, is over."""
        still = {incident.id: incident for incident in self._options.open_now()}
        for identity_, firing in list(self._firing.items()):
            if identity_ in still:
                firing.alert = _current(still[identity_])
            elif firing.over_s is None:
                firing.over_s = now_s
            elif now_s - firing.over_s > RESOLVED_S:
                del self._firing[identity_]

    async def _post_all(self, payload: Sequence[Mapping[str, Any]]) -> None:
        if not payload:
            return
        posts = (self._post(peer, payload) for peer in self._options.peers)
        results = await asyncio.gather(*posts, return_exceptions=True)
        failures = {number: error for number, error in enumerate(results) if error is not None}
        self._troubles = {number: str(error.args[0]) for number, error in failures.items() if error.args}
        for error in failures.values():
            if not isinstance(error, SinkTemporary | SinkRejected):
                raise error
        if len(failures) == len(results):  # nobody took it; it may be taken later if one of them may take it
            raise next((each for each in failures.values() if isinstance(each, SinkTemporary)), failures[0])

    async def _post(self, peer: str, payload: Sequence[Mapping[str, Any]]) -> None:
        url = f"{peer.rstrip('/')}/api/v2/alerts"
        try:
            async with self._open().post(url, json=payload, allow_redirects=False) as answer:
                judge(answer.status, answer.headers.get("Retry-After"), time.time())
        except aiohttp.InvalidURL as error:
            raise SinkRejected(f"alertmanager {self.name}: the url cannot be used") from error
        except (aiohttp.ClientError, OSError) as error:
            raise SinkTemporary(printable(f"alertmanager {self.name}: {type(error).__name__}: {error}")) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._options.timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={**self._options.headers, "User-Agent": f"egret/{self._options.sensor.version}"},
            )
        return self._session

    async def close(self) -> None:
        """Close the connections; what fires goes on until it expires, for Egret may be back before."""
        if self._session is not None:
            await self._session.close()


def _current(incident: Incident) -> Alert:
    """An open incident as an alert: hours of a route hold back no escalation, so they do not hold this back either."""
    return Alert(
        id=incident.id,
        action=Action.ESCALATED,
        sequence=incident.sequence,
        time_ns=incident.last_ns,
        severity=incident.severity,
        incident=incident,
    )


def identity(alert: Alert, sensor: Sensor, *, severity_label: bool) -> Labels:
    """What tells this incident from others, now and after a restart; nothing that changes while it is open."""
    incident = alert.incident
    labels = {
        "alertname": "EgretIncident",
        "instance": sensor.hostname or "",
        "client": incident.client,
        "vendor": incident.vendor,
        "service": incident.service,
        "signature": incident.signature,
        "class": incident.service_class.value,
        "severity": alert.severity.value if severity_label else "",
    }
    return {name: printable(value) for name, value in labels.items() if value}


def describe(alert: Alert) -> dict[str, str]:
    """What is known of it now, for people and their templates."""
    incident = alert.incident
    texts = {
        "summary": headline(alert),
        "severity": alert.severity.value,
        "score": str(incident.score),
        "incident": incident.id,
        "page": incident.page or "",
        "client_name": incident.client_name or "",
        "client_groups": ", ".join(incident.client_groups),
        "host": main_host(incident) or "",
        "operator": operator_text(incident.operator),
        "hosting": hosting_text(incident.hosting),
        "counts": counts_text(incident),
        "volume": volume_text(incident) or "",
        "reasons": "; ".join(incident.reasons),
        "alternatives": ", ".join(incident.alternatives),
        "approval": incident.approval.state.value,
        "closed": incident.close_reason.value if incident.close_reason else "",
    }
    return {name: printable(text)[:MAX_ANNOTATION] for name, text in texts.items() if text}
