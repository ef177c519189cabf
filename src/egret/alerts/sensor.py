"""What Egret says about itself: a problem begins, is told once, reminded of, and its end is told too.

These are no incidents: no client is in them. ``Board`` folds findings; all times are nanoseconds given by the caller.
"""

from __future__ import annotations

import uuid
from enum import StrEnum

from egret.model import Severity
from egret.value import Struct, replace

SENSOR_SCHEMA = "egret.sensor-alert/1"
REMIND_NS = 24 * 3600 * 1_000_000_000
MAX_OPEN = 256  # subjects come from the configuration and closed lists; a bound all the same
_NAMESPACE = uuid.UUID("0b0a2c54-5a55-5a0e-8f57-65677265742e")  # ours alone; any fixed value does


class Probe(StrEnum):
    """What the canary sends, in turn. A closed list: it is a metric label."""

    DNS = "dns"
    TLS = "tls"
    QUIC = "quic"


class Problem(StrEnum):
    """What can be amiss with the sensor. A closed list: it is a metric label."""

    CANARY_MISSED = "canary_missed"
    LINK_DOWN = "link_down"
    LINK_SILENT = "link_silent"
    PACKETS_LOST = "packets_lost"
    WORKER_DIED = "worker_died"
    WORKER_RESTARTS = "worker_restarts"
    CATALOGUE_OLD = "catalogue_old"
    DATABASE_OLD = "database_old"
    RELOAD_REFUSED = "reload_refused"
    STORE_FAILED = "store_failed"
    STORE_DAMAGED = "store_damaged"
    OUTPUT_FAILING = "output_failing"


class Turn(StrEnum):
    """What an alert says of its problem. A closed list: it is a metric label."""

    RAISED = "raised"
    REMINDED = "reminded"
    RECOVERED = "recovered"


class Finding(Struct, frozen=True, kw_only=True):
    """One problem as somebody found it just now."""

    problem: Problem
    subject: str = ""  # which interface, output, database; "" where there is one only
    severity: Severity
    text: str  # what is amiss, one sentence
    advice: str  # what to do


class SensorAlert(Struct, frozen=True, kw_only=True):
    """A message about the sensor itself."""

    id: str  # idempotency key
    turn: Turn
    time_ns: int
    since_ns: int  # when the problem was found first
    finding: Finding

    @property
    def severity(self) -> Severity:
        """As grave at the end as it was at the beginning: who heard of it hears of its end."""
        return self.finding.severity


class Standing(Struct, frozen=True):
    """A problem that stands."""

    id: str
    finding: Finding
    since_ns: int
    told_ns: int
    number: int = 1  # of its newest alert
    good_ns: int | None = None  # since when nothing is amiss any more


class Board:
    """The problems that stand; the same one twice is one."""

    def __init__(self) -> None:
        self._standing: dict[tuple[Problem, str], Standing] = {}

    @property
    def standing(self) -> list[Standing]:
        """All of them, the gravest first."""
        return sorted(self._standing.values(), key=lambda each: (-each.finding.severity.rank, each.since_ns))

    def bad(self, finding: Finding, now_ns: int) -> SensorAlert | None:
        """Something is amiss; an alert if that is news."""
        key = (finding.problem, finding.subject)
        found = self._standing.get(key)
        if found is None:
            if len(self._standing) >= MAX_OPEN:
                return None
            identity = str(uuid.uuid5(_NAMESPACE, f"{finding.problem}|{finding.subject}|{now_ns}"))
            found = self._standing[key] = Standing(identity, finding, now_ns, now_ns)
            return _alert(found, Turn.RAISED, now_ns)
        found = replace(found, finding=replace(finding, severity=found.finding.severity), good_ns=None)
        if now_ns - found.told_ns >= REMIND_NS:
            found = replace(found, told_ns=now_ns, number=found.number + 1)
            self._standing[key] = found
            return _alert(found, Turn.REMINDED, now_ns)
        self._standing[key] = found
        return None

    def good(self, problem: Problem, subject: str, now_ns: int, after_ns: int = 0) -> SensorAlert | None:
        """Nothing is amiss there; an alert if something was and has not come back for *after_ns*."""
        found = self._standing.get((problem, subject))
        if found is None:
            return None
        good_ns = now_ns if found.good_ns is None or found.good_ns > now_ns else found.good_ns
        if now_ns - good_ns < after_ns:
            self._standing[problem, subject] = replace(found, good_ns=good_ns)
            return None
        del self._standing[problem, subject]
        return _alert(replace(found, number=found.number + 1), Turn.RECOVERED, now_ns)


def _alert(standing: Standing, turn: Turn, now_ns: int) -> SensorAlert:
    identity = f"{standing.id}-{standing.number}"
    return SensorAlert(id=identity, turn=turn, time_ns=now_ns, since_ns=standing.since_ns, finding=standing.finding)
