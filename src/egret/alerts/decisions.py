"""The operator's decisions on detections and on incidents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import ip_address

from egret.alerts.model import Incident
from egret.judge.approvals import NO_RULING, Approval, Approvals, ApprovalState, Ruling, Subject
from egret.model import Detection

MAX_KEPT = 4_096  # rulings of some 200 bytes: clients and services at a time
_ALLOWING = frozenset({ApprovalState.APPROVED, ApprovalState.TOLERATED})


class Decisions:
    """Who may use what.

    A ruling is kept for its subject and for the era it was asked for: between two moments at which any entry begins or
    ends, time changes nothing of it.

    Raises:
        ValueError: an entry names a client that is neither an address nor a network.
    """

    def __init__(self, entries: Iterable[Approval]) -> None:
        self._approvals = Approvals(entries)
        terms = [entry.terms for entry in self._approvals.entries]
        self._turns = sorted({at for each in terms for at in (each.from_ns, each.until_ns) if at is not None})
        self._kept: dict[tuple[Subject, int], Ruling] = {}

    def of(self, detection: Detection) -> Ruling:
        """What holds for a detection, at its time."""
        if not self._approvals.entries:
            return NO_RULING
        groups = detection.client.groups if detection.client else ()
        seen = detection.observation
        subject = Subject.of(detection.match.signature, seen.client.ip, groups)
        key = (subject, bisect_right(self._turns, seen.time_ns))
        ruling = self._kept.get(key)
        if ruling is None:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            ruling = self._kept[key] = self._approvals.decide(subject, seen.time_ns)
        return ruling

    def allowed(self, incident: Incident, time_ns: int) -> Ruling | None:
        """The ruling that allows all of *incident*, from whichever address of its client; None if there is none."""
        about = Subject(incident.signature, incident.vendor, incident.service_class, None, incident.client_groups)
        addresses = incident.client_addresses or (incident.client,)
        subjects = [about._replace(ip=ip_address(address).packed) for address in addresses]
        rulings = [self._approvals.decide(subject, time_ns) for subject in subjects]
        states = {ruling.state for ruling in rulings}
        return rulings[0] if len(states) == 1 and states <= _ALLOWING else None
