from __future__ import annotations

from typing import Any

import pytest

from egret.alerts import decisions
from egret.alerts.decisions import Decisions
from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.alerts.model import Action, CloseReason
from egret.judge.approvals import Approval, ApprovalState, Terms
from egret.model import ClientIdentity, Detection, Severity
from egret.value import replace
from tests.support.alerts import CLIENT, SECOND_NS, START_NS, alerts_of, hello, lookup, opened


def after(seconds: float) -> int:
    return START_NS + round(seconds * SECOND_NS)


def actions(*detections: Detection, policy: IncidentPolicy | None = None) -> list[str]:
    return [alert.action.value for alert in alerts_of(*detections, policy=policy)]


def approved(state: ApprovalState, until_s: float | None = None, **whom: Any) -> Approval:
    terms = Terms(state=state, owner="IT security", ticket="T-1", until_ns=None if until_s is None else after(until_s))
    return Approval(terms=terms, number=1, service="example.chat", **whom)


def test_what_is_approved_is_counted_until_it_ends_and_then_says_so() -> None:
    incidents = Incidents(IncidentPolicy(approvals=(approved(ApprovalState.APPROVED, 60),)))
    assert incidents.feed(hello(0)) == []
    assert (incidents.counters.approved, incidents.open_incidents) == (1, [])
    [alert] = incidents.feed(hello(60))
    assert alert.severity is Severity.HIGH
    assert alert.incident.approval.ended == approved(ApprovalState.APPROVED, 60).terms


def test_what_is_tolerated_is_kept_as_info_unless_it_is_critical() -> None:
    policy = IncidentPolicy(approvals=(approved(ApprovalState.TOLERATED),))
    [alert, escalated] = alerts_of(hello(0), hello(1, Severity.CRITICAL), policy=policy)
    assert (alert.severity, alert.incident.approval.state) == (Severity.INFO, ApprovalState.TOLERATED)
    assert (escalated.action, escalated.severity) == (Action.ESCALATED, Severity.CRITICAL)


def test_what_is_unapproved_is_one_step_more_severe() -> None:
    policy = IncidentPolicy(approvals=(approved(ApprovalState.UNAPPROVED),))
    assert [alert.severity for alert in alerts_of(lookup(), hello(), policy=policy)] == [
        Severity.HIGH,
        Severity.CRITICAL,
    ]
    seen = hello(0, Severity.INFO)
    assert actions(seen) == []
    assert actions(seen, policy=policy) == ["opened"]  # somebody said no: below alert_from it would be silent


def test_an_open_incident_that_becomes_approved_closes_at_the_review() -> None:
    incidents = Incidents()
    incidents.feed(hello())
    assert incidents.review(after(1)) == []
    incidents.apply(IncidentPolicy(approvals=(approved(ApprovalState.APPROVED),)))
    [alert] = incidents.review(after(2))
    assert (alert.action, alert.incident.close_reason) == (Action.CLOSED, CloseReason.APPROVED)
    assert (alert.incident.closed_ns, alert.incident.approval.terms.ticket) == (after(2), "T-1")
    assert (incidents.review(after(3)), incidents.counters.closed) == ([], 1)


def test_an_incident_that_became_tolerated_closes_and_the_next_is_milder() -> None:
    incidents = Incidents()
    incidents.feed(hello())
    incidents.apply(IncidentPolicy(approvals=(approved(ApprovalState.TOLERATED),)))
    assert [alert.incident.close_reason for alert in incidents.review(after(1))] == [CloseReason.TOLERATED]
    assert [alert.severity for alert in incidents.feed(hello(2))] == [Severity.INFO]
    assert incidents.review(after(3)) == []


def test_an_incident_of_other_clients_stays_open_at_the_review() -> None:
    incidents = Incidents()
    incidents.feed(hello())
    incidents.apply(IncidentPolicy(approvals=(approved(ApprovalState.APPROVED, clients=("198.51.100.0/24",)),)))
    assert incidents.review(after(1)) == []
    assert len(incidents.open_incidents) == 1


def test_a_ruling_that_changes_is_told_once() -> None:
    incidents = Incidents()
    incidents.feed(hello())
    incidents.apply(IncidentPolicy(approvals=(approved(ApprovalState.IN_REVIEW, 10),)))
    [alert] = incidents.feed(hello(1))
    assert (alert.action, alert.incident.approval.state) == (Action.UPDATED, ApprovalState.IN_REVIEW)
    assert incidents.feed(hello(2)) == []
    [alert] = incidents.feed(hello(10))
    assert alert.incident.approval.ended is not None
    assert [incidents.feed(hello(2)), incidents.feed(hello(11))] == [[], []]  # a late packet flips it back and forth


def test_groups_of_a_client_count() -> None:
    policy = IncidentPolicy(approvals=(approved(ApprovalState.APPROVED, groups=("sales",)),))
    known = replace(hello(), client=ClientIdentity(key="name:x", ip=CLIENT, groups=("sales",)))
    assert actions(hello(), policy=policy) == ["opened"]
    assert actions(known, policy=policy) == []


def test_an_incident_is_allowed_only_from_all_of_its_addresses() -> None:
    decisions = Decisions([approved(ApprovalState.APPROVED, clients=("192.0.2.0/24",))])
    one = opened().incident
    two = replace(one, client_addresses=("192.0.2.7", "2001:db8::7"))
    assert decisions.allowed(one, START_NS) == decisions.of(hello())
    assert decisions.allowed(two, START_NS) is None


def test_rulings_are_kept_between_two_turns_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "MAX_KEPT", 2)
    word = Decisions([approved(ApprovalState.APPROVED, 60)])
    assert word.of(hello(0)) is word.of(hello(59))
    assert word.of(hello(60)) != word.of(hello(59))
    word.of(hello(0, client=bytes(4)))
    assert len(word._kept) == 1
    assert word.of(hello(59)).state is ApprovalState.APPROVED
