"""The daily digest: what was new, what was allowed, and how well the sensor saw, in one message a day.

A day is a calendar day of a time zone, from its midnight to the next; the digest of a day is made once, after its end.
Everything in it goes by event time. Its clients are as the store shows them: pseudonyms where those are on.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from types import MappingProxyType
from typing import NamedTuple

from egret.alerts.timestamps import SECOND_NS
from egret.judge.approvals import ApprovalState
from egret.model import ServiceClass, Severity
from egret.value import Struct, replace

DIGEST_SCHEMA = "egret.digest/1"
MAX_ROWS = 200  # of each list; the rest is counted
WATCHED_ENOUGH = 0.95  # of the day; less is worth telling
_NAMESPACE = uuid.UUID("3c1f9a52-7a0d-5d0e-8f57-65677265742e")  # ours alone; any fixed value does
_NO_COUNTS: Mapping[str, int] = MappingProxyType({})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FirstUse(NamedTuple):
    """A client used a service for the first time, as far as the store remembers."""

    time_ns: int
    client: str
    client_key: str
    client_name: str | None
    groups: tuple[str, ...]
    signature: str
    vendor: str
    service: str
    service_class: ServiceClass
    severity: Severity
    approval: ApprovalState
    incident: str  # its id


class Grant(NamedTuple):
    """What was allowed, and for clients of which groups; the owner and the ticket are those of the decision."""

    state: ApprovalState  # approved or tolerated
    signature: str
    groups: tuple[str, ...]
    owner: str
    ticket: str

    def label(self) -> str:
        """The same as one text, to count by."""
        return json.dumps([self.state.value, self.signature, list(self.groups), self.owner, self.ticket])

    @classmethod
    def of_label(cls, label: str) -> Grant:
        """Read one back.

        Raises:
            ValueError: it is none.
        """
        try:
            state, signature, groups, owner, ticket = json.loads(label)
            return cls(ApprovalState(state), str(signature), tuple(map(str, groups)), str(owner), str(ticket))
        except TypeError as error:
            raise ValueError(f"not a grant: {error}") from error


class Use(NamedTuple):
    """How much a grant was used."""

    grant: Grant
    detections: int
    bytes_out: int
    bytes_in: int


class Moved(NamedTuple):
    """Bytes to and from one service, of all clients."""

    signature: str
    bytes_out: int
    bytes_in: int


class Sight(Struct, frozen=True, kw_only=True):
    """How well the sensor saw: what it watched, named, lost; what was amiss with it."""

    watched_s: int = 0
    connections: int = 0
    named_share: float | None = None
    lost: int = 0  # packets and messages
    link_down_s: Mapping[str, int] = _NO_COUNTS
    link_silent_s: Mapping[str, int] = _NO_COUNTS
    canary_sent: int = 0
    canary_missed: int = 0
    problems: Mapping[str, int] = _NO_COUNTS  # alerts about the sensor, by problem
    undelivered: Mapping[str, int] = _NO_COUNTS  # of alerts: rejected, dropped


class Digest(Struct, frozen=True, kw_only=True):
    """One day."""

    id: str  # idempotency key: of a sensor and a day
    day: date
    zone: str
    start_ns: int
    end_ns: int
    time_ns: int  # when it was made
    opened: Mapping[str, int] = _NO_COUNTS  # incidents that began, by severity
    first_uses: tuple[FirstUse, ...] = ()
    first_uses_more: int = 0  # beyond MAX_ROWS, as below
    uses: tuple[Use, ...] = ()
    uses_more: int = 0
    moved: tuple[Moved, ...] = ()
    moved_more: int = 0
    sight: Sight = Sight()

    @property
    def severity(self) -> Severity:
        """What makes room first where a queue is full."""
        return Severity.INFO

    @property
    def is_blind(self) -> bool:
        """Whether the sensor watched too little of the day to say that nothing was."""
        return self.sight.watched_s < WATCHED_ENOUGH * (self.end_ns - self.start_ns) / SECOND_NS

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell."""
        sight = self.sight
        told = (self.opened, self.first_uses, self.uses, sight.lost, sight.canary_missed, sight.problems)
        return not (self.is_blind or any(told) or sight.undelivered)

    def shortened(self, rows: int) -> Digest:
        """The same with at most *rows* in each list, the rest counted: for receivers with a largest message."""
        return replace(
            self,
            first_uses=self.first_uses[:rows],
            first_uses_more=self.first_uses_more + max(0, len(self.first_uses) - rows),
            uses=self.uses[:rows],
            uses_more=self.uses_more + max(0, len(self.uses) - rows),
            moved=self.moved[:rows],
            moved_more=self.moved_more + max(0, len(self.moved) - rows),
        )


def digest_id(sensor: str, day: date) -> str:
    """The idempotency key: two sensors that tell the same receiver differ, and a day told twice does not."""
    return str(uuid.uuid5(_NAMESPACE, f"{sensor}|{day.isoformat()}"))


def span(day: date, zone: tzinfo) -> tuple[int, int]:
    """The first nanosecond of *day* there and the first after it; 23 to 25 hours apart where clocks change."""
    return _midnight_ns(day, zone), _midnight_ns(day + timedelta(days=1), zone)


def due(now_ns: int, at: time, zone: tzinfo) -> date:
    """The newest day whose digest is due at *now_ns*, where it is sent at *at* of the day after."""
    local = (_EPOCH + timedelta(seconds=now_ns // SECOND_NS)).astimezone(zone)
    return local.date() - timedelta(days=1 if local.time() >= at else 2)


def _midnight_ns(day: date, zone: tzinfo) -> int:
    return round((datetime.combine(day, time(), zone) - _EPOCH) / timedelta(seconds=1)) * SECOND_NS
