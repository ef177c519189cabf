"""Detections, incidents and alerts for tests; documentation addresses only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.alerts.messages import Message
from egret.alerts.model import Alert
from egret.alerts.sensor import Board, Finding, Problem, SensorAlert
from egret.errors import SinkTemporary
from egret.evidence import ScorePart
from egret.model import (
    Category,
    Connection,
    Detection,
    Endpoint,
    Hosting,
    Kind,
    Match,
    NamedBy,
    Observation,
    Operator,
    Protocol,
    ServiceClass,
    Severity,
    Signature,
    Transport,
    Verdict,
    Volume,
    VolumeSource,
)
from egret.sinks.base import Outcome
from egret.value import replace

GOLDEN = Path(__file__).parent.parent / "golden" / "alerts"
START_NS = 1_767_225_600_123_456_789  # 2026-01-01T00:00:00.123456789Z
SECOND_NS = 1_000_000_000
CLIENT = bytes([192, 0, 2, 7])
SERVER = bytes([203, 0, 113, 9])
RESOLVER = bytes([192, 0, 2, 53])
OPERATOR = Operator(country="CN", contested=False, entity="Example AI Ltd", source="terms of use", date="2025-01-01")
HOSTING = Hosting(country="CN", asn=64500, as_org="Example Net", source="test 2026-01-01", in_china=True)


def signature(
    service_class: ServiceClass = ServiceClass.AI, identity: str = "example.chat", service: str = "Example Chat"
) -> Signature:
    return Signature(
        id=identity,
        vendor="Example",
        service=service,
        category=Category.CHAT,
        service_class=service_class,
        operator=OPERATOR,
        alternatives=("Claude", "Mistral Le Chat"),
        references=("https://example.org/terms",),
    )


def lookup(
    at_s: float = 0.0,
    severity: Severity = Severity.MEDIUM,
    *,
    name: str = "chat.example",
    client: bytes = CLIENT,
    sig: Signature | None = None,
) -> Detection:
    seen = Observation(
        time_ns=START_NS + round(at_s * SECOND_NS),
        protocol=Protocol.DNS,
        kind=Kind.QUERY,
        name=name,
        client=Endpoint(client, 40000),
        server=Endpoint(RESOLVER, 53),
        interface="lan0",
        qtype="A",
    )
    return _detection(seen, severity, sig, lookup_only=True)


def hello(
    at_s: float = 0.0,
    severity: Severity = Severity.HIGH,
    *,
    name: str = "chat.example",
    client: bytes = CLIENT,
    port: int = 50000,
    server: bytes = SERVER,
    sig: Signature | None = None,
    reasons: tuple[str, ...] = ("run from the PRC (terms of use, 2025-01-01)",),
) -> Detection:
    seen = Observation(
        time_ns=START_NS + round(at_s * SECOND_NS),
        protocol=Protocol.TLS,
        kind=Kind.CLIENT_HELLO,
        name=name,
        client=Endpoint(client, port),
        server=Endpoint(server, 443),
        interface="lan0",
    )
    return _detection(seen, severity, sig, lookup_only=False, reasons=reasons)


def connection(
    at_s: float = 0.0, severity: Severity = Severity.HIGH, *, port: int = 50000, name: str = "chat.example"
) -> Detection:
    seen = Connection(
        time_ns=START_NS + round(at_s * SECOND_NS),
        transport=Transport.TCP,
        client=Endpoint(CLIENT, port),
        server=Endpoint(SERVER, 443),
        named_by=NamedBy.HELLO,
        name=name,
        interface="lan0",
    )
    return _detection(seen, severity, None, lookup_only=False)


def _detection(
    seen: Observation | Connection,
    severity: Severity,
    sig: Signature | None,
    *,
    lookup_only: bool,
    reasons: tuple[str, ...] = ("run from the PRC (terms of use, 2025-01-01)",),
) -> Detection:
    verdict = Verdict(
        severity=severity,
        score=severity.rank * 20,
        reasons=reasons,
        operator=OPERATOR,
        hosting=Hosting() if lookup_only else HOSTING,
        lookup_only=lookup_only,
        score_parts=(ScorePart("class", severity.rank * 20, "as severe as the test says"),),
    )
    return Detection(observation=seen, match=Match(sig or signature(), "chat.example", None), verdict=verdict)


def alerts_of(*detections: Detection, policy: IncidentPolicy | None = None) -> list[Alert]:
    """The alerts that *detections* cause, one engine."""
    incidents = Incidents(policy)
    return [alert for detection in detections for alert in incidents.feed(detection)]


def opened(severity: Severity = Severity.HIGH, *, client: bytes = CLIENT, at_s: float = 0.0) -> Alert:
    """One opened alert."""
    return alerts_of(hello(at_s, severity, client=client))[0]


def numbered(count: int, severity: Severity = Severity.HIGH) -> list[Alert]:
    """Alerts with ids "0", "1", ...; cheap."""
    first = opened()
    return [replace(first, id=f"{severity.value}-{number}", severity=severity) for number in range(count)]


class FakeSink:
    """Takes alerts, after raising what *script* holds; an item that is a number is a hang of so many seconds."""

    def __init__(self, script: Sequence[Exception] = (), name: str = "fake") -> None:
        self.name = name
        self.script = list(script)
        self.got: list[str] = []
        self.closed = False

    def health(self) -> str | None:
        return None

    async def send(self, alerts: Sequence[Alert]) -> None:
        if self.script:
            raise self.script.pop(0)
        self.got.extend(alert.id for alert in alerts)

    async def close(self) -> None:
        self.closed = True


class Watch:
    """Remembers every outcome."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Outcome, str]] = []
        self.offered = 0
        self.details: list[str] = []

    def __call__(self, sink: str, outcome: Outcome, alerts: Sequence[Message], detail: str) -> None:
        if outcome is Outcome.OFFERED:
            self.offered += len(alerts)
            return
        self.details.append(detail)
        self.seen.extend((sink, outcome, alert.id) for alert in alerts)

    def ids(self, outcome: Outcome) -> list[str]:
        return [alert for _, seen, alert in self.seen if seen is outcome]


BUSY = SinkTemporary("busy")


def volume(
    at_s: float = 0.0,
    sent: int = 912_345,
    received: int = 8_900,
    source: VolumeSource = VolumeSource.TCP,
    client: bytes = CLIENT,
) -> Volume:
    return Volume(client, signature().id, sent, received, source, START_NS + round(at_s * SECOND_NS))


def whole_life() -> list[Alert]:
    """An incident from its look-up to its end: opened, escalated, updated, closed."""
    incidents = Incidents(IncidentPolicy(update_every_ns=60 * SECOND_NS))
    alerts = [alert for detection in (lookup(0), hello(0.02), connection(0.03)) for alert in incidents.feed(detection)]
    alerts += incidents.add_volume(volume(1))
    alerts += incidents.feed(hello(90, name="cdn.chat.example", port=50001))
    return alerts + incidents.tick(START_NS + 3600 * SECOND_NS)


HOSTILE = "a\nb\r\x1b[31m\x00\x7f\x9b\u202e<script>alert(1)</script>&'\"|,=cmd()`\ud800"  # what no format may act on


def hostile() -> Alert:
    """An alert whose every text is hostile."""
    evil = replace(signature(), vendor=HOSTILE, service=HOSTILE, alternatives=(HOSTILE,), references=(HOSTILE,))
    seen = hello(1, name=HOSTILE, sig=evil, reasons=(HOSTILE,))
    verdict = replace(
        seen.verdict,
        operator=replace(OPERATOR, country=HOSTILE),
        hosting=replace(HOSTING, country=HOSTILE, as_org=HOSTILE),
    )
    observation = seen.observation
    assert isinstance(observation, Observation)
    return alerts_of(replace(seen, observation=replace(observation, interface=HOSTILE), verdict=verdict))[0]


def check_golden(name: str, text: str, *, update: bool) -> None:
    """Compare *text* with a golden file, or write it there."""
    path = GOLDEN / name
    if update:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; if it should, run with --update-golden"


def sensor_alert(turn: int = 1) -> SensorAlert:
    """A problem of the sensor's own; the *turn*-th alert about it."""
    finding = Finding(
        problem=Problem.LINK_DOWN, subject="lan0", severity=Severity.HIGH, text="lan0 is down", advice="look"
    )
    board = Board()
    alerts = [board.bad(finding, START_NS), board.good(finding.problem, "lan0", START_NS + SECOND_NS)]
    alert = alerts[turn - 1]
    assert alert is not None
    return alert
