"""The operator's decisions on detections and on incidents."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from egret.alerts.model import Incident
from egret.judge.approvals import Approval, Approvals, ApprovalState, Ruling, Subject
from egret.model import Detection

_ALLOWING = frozenset({ApprovalState.APPROVED, ApprovalState.TOLERATED})


class Decisions:
    """Who may use what.

    Raises:
        ValueError: an entry names a client that is neither an address nor a network.
    """

    def __init__(self, entries: Iterable[Approval]) -> None:
        self._approvals = Approvals(entries)

    def of(self, detection: Detection) -> Ruling:
        """What holds for a detection, at its time."""
        groups = detection.client.groups if detection.client else ()
        seen = detection.observation
        return self._approvals.decide(Subject.of(detection.match.signature, seen.client.ip, groups), seen.time_ns)

    def allowed(self, incident: Incident, time_ns: int) -> Ruling | None:
        """The ruling that allows all of *incident*, from whichever address of its client; None if there is none."""
        about = Subject(incident.signature, incident.vendor, incident.service_class, None, incident.client_groups)
        addresses = incident.client_addresses or (incident.client,)
        subjects = [about._replace(ip=ip_address(address).packed) for address in addresses]
        rulings = [self._approvals.decide(subject, time_ns) for subject in subjects]
        states = {ruling.state for ruling in rulings}
        return rulings[0] if len(states) == 1 and states <= _ALLOWING else None
