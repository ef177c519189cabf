from __future__ import annotations

from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.judge.approvals import Approval, ApprovalState, Terms
from tests.support.alerts import hello, signature


def test_every_detection_has_one_fate_or_opens_an_incident() -> None:
    allowed = Approval(terms=Terms(state=ApprovalState.APPROVED), number=1, service="example.allowed")
    incidents = Incidents()
    incidents.feed(hello(0))
    before = incidents.counters.fates
    incidents.feed(hello(1))
    assert incidents.counters.fates == before._replace(folded=1)
    incidents.apply(IncidentPolicy(approvals=(allowed,)))
    incidents.feed(hello(2, sig=signature(identity="example.allowed")))
    assert incidents.counters.fates == before._replace(folded=1, approved=1)
    assert sum(incidents.counters.fates) + incidents.counters.opened == 3
