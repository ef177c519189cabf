from __future__ import annotations

from typing import Any

import pytest

from egret.judge.approvals import (
    NO_RULING,
    Approval,
    Approvals,
    ApprovalState,
    Ruling,
    Standing,
    Subject,
    Terms,
    apply,
    severity_under,
)
from egret.model import ServiceClass, Severity
from egret.value import replace
from tests.support.alerts import CLIENT, START_NS, hello, signature

S = ApprovalState
SUBJECT = Subject.of(signature(), CLIENT, ("sales",))  # 192.0.2.7, example.chat of Example, class ai


def entry(number: int, state: S, *, until_ns: int | None = None, from_ns: int | None = None, **what: Any) -> Approval:
    terms = Terms(state=state, owner="IT security", ticket=f"T-{number}", from_ns=from_ns, until_ns=until_ns)
    return Approval(terms=terms, number=number, **what)


def decided(*entries: Approval, subject: Subject = SUBJECT, time_ns: int = START_NS) -> Ruling:
    return Approvals(entries).decide(subject, time_ns)


def by(number: int, *entries: Approval, subject: Subject = SUBJECT) -> None:
    assert decided(*entries, subject=subject).entry == number
    assert decided(*reversed(entries), subject=subject).entry == number


def test_what_nobody_decided_is_unreviewed() -> None:
    assert decided() is NO_RULING
    assert decided(entry(1, S.APPROVED, service="other.service")) == NO_RULING
    assert NO_RULING.state is S.UNREVIEWED


@pytest.mark.parametrize(
    "what", [{"service": "example.chat"}, {"vendor": "EXAMPLE"}, {"service_class": ServiceClass.AI}], ids=str
)
def test_an_entry_is_for_a_service_a_vendor_or_a_class(what: dict[str, Any]) -> None:
    ruling = decided(entry(1, S.APPROVED, **what))
    assert (ruling.state, ruling.entry, ruling.terms.owner) == (S.APPROVED, 1, "IT security")


@pytest.mark.parametrize(
    ("clients", "groups", "applies"),
    [
        ((), (), True),
        (("192.0.2.7",), (), True),
        (("192.0.2.0/24",), (), True),
        (("198.51.100.0/24", "192.0.2.0/29"), (), True),
        (("198.51.100.0/24",), (), False),
        (("c000:207::/32",), (), False),  # the same bytes, another family
        (("::/0",), (), False),
        ((), ("sales",), True),
        ((), ("finance",), False),
        (("198.51.100.0/24",), ("sales",), True),
    ],
)
def test_an_entry_is_for_clients_or_groups(clients: tuple[str, ...], groups: tuple[str, ...], applies: bool) -> None:
    ruling = decided(entry(1, S.APPROVED, service="example.chat", clients=clients, groups=groups))
    assert (ruling.state is S.APPROVED) is applies


def test_without_a_client_only_what_is_for_everybody_holds() -> None:
    everybody = Subject.of(signature())
    assert decided(entry(1, S.APPROVED, vendor="Example", clients=("192.0.2.0/24",)), subject=everybody) == NO_RULING
    assert decided(entry(1, S.APPROVED, vendor="Example"), subject=everybody).entry == 1


def test_a_service_is_narrower_than_a_vendor_and_that_than_a_class() -> None:
    service, vendor, whole = (
        entry(1, S.APPROVED, service="example.chat"),
        entry(2, S.UNAPPROVED, vendor="Example"),
        entry(3, S.TOLERATED, service_class=ServiceClass.AI),
    )
    by(1, service, vendor, whole)
    by(2, vendor, whole)


def test_an_address_is_narrower_than_a_network_than_a_group_than_everybody() -> None:
    entries = [
        entry(1, S.APPROVED, service="example.chat", clients=("192.0.2.7",)),
        entry(2, S.UNAPPROVED, service="example.chat", clients=("192.0.2.0/29",)),
        entry(3, S.APPROVED, service="example.chat", clients=("192.0.2.0/24",)),
        entry(4, S.UNAPPROVED, service="example.chat", groups=("sales",)),
        entry(5, S.APPROVED, service="example.chat"),
    ]
    for first in range(5):
        by(first + 1, *entries[first:])


def test_where_two_cross_the_stricter_decides() -> None:
    by(
        2,
        entry(1, S.APPROVED, service="example.chat"),  # for everybody
        entry(2, S.UNAPPROVED, service_class=ServiceClass.AI, clients=("192.0.2.0/24",)),  # no AI there
    )
    by(
        1,
        entry(1, S.UNAPPROVED, service="example.chat"),
        entry(2, S.APPROVED, vendor="Example", clients=("192.0.2.0/24",)),
    )


def test_of_equals_the_stricter_decides_and_then_the_later() -> None:
    by(1, entry(1, S.IN_REVIEW, vendor="Example"), entry(2, S.APPROVED, vendor="Example"))
    by(2, entry(1, S.APPROVED, vendor="Example"), entry(2, S.APPROVED, vendor="Example"))


def test_strictness_has_an_order() -> None:
    order = [S.APPROVED, S.TOLERATED, S.IN_REVIEW, S.UNREVIEWED, S.UNAPPROVED]
    for number, state in enumerate(order[1:]):
        by(2, entry(1, order[number], vendor="Example"), entry(2, state, vendor="Example"))


def test_an_entry_holds_from_and_until_event_time() -> None:
    span = entry(1, S.APPROVED, vendor="Example", from_ns=START_NS, until_ns=START_NS + 10)
    assert decided(span, time_ns=START_NS - 1) == NO_RULING
    assert decided(span, time_ns=START_NS).state is S.APPROVED
    assert decided(span, time_ns=START_NS + 9).state is S.APPROVED
    after = decided(span, time_ns=START_NS + 10)
    assert after == Ruling(ended=span.terms)
    assert after.state is S.UNREVIEWED


def test_what_ended_is_not_told_once_it_was_renewed() -> None:
    old = entry(1, S.UNAPPROVED, vendor="Example", until_ns=START_NS)
    new = entry(2, S.APPROVED, vendor="Example")
    assert decided(old, new) == Ruling(terms=new.terms, entry=2)


def test_what_ended_falls_back_to_the_wider_and_says_so() -> None:
    narrow = entry(1, S.APPROVED, service="example.chat", until_ns=START_NS)
    wide = entry(2, S.IN_REVIEW, vendor="Example")
    assert decided(narrow, wide) == Ruling(terms=wide.terms, entry=2, ended=narrow.terms)


def test_it_says_why_each_entry_decided_or_did_not() -> None:
    approvals = Approvals(
        [
            entry(1, S.APPROVED, service="example.chat", clients=("192.0.2.0/24",)),
            entry(2, S.UNAPPROVED, service="example.chat"),
            entry(3, S.UNAPPROVED, vendor="Example", clients=("192.0.2.7",)),
            entry(4, S.APPROVED, service="example.chat", clients=("198.51.100.1",)),
            entry(5, S.APPROVED, service="example.chat", until_ns=START_NS),
            entry(6, S.APPROVED, service="example.chat", from_ns=START_NS + 1),
            entry(7, S.APPROVED, service="other.service"),
            entry(8, S.TOLERATED, vendor="Example", clients=("192.0.2.7",)),
            entry(9, S.UNAPPROVED, vendor="Example", clients=("192.0.2.7",)),
        ]
    )
    assert [(each.entry.number, each.decides, each.why) for each in approvals.weigh(SUBJECT, START_NS)] == [
        (1, False, "crosses entry 9, which is stricter"),
        (2, False, "says the same as entry 9, which comes later"),
        (3, False, "says the same as entry 9, which comes later"),
        (4, False, "for other clients"),
        (5, False, "has ended"),
        (6, False, "has not begun"),
        (8, False, "as narrow as entry 9, which is stricter"),
        (9, True, "decides"),
    ]
    two = Approvals([entry(1, S.APPROVED, vendor="Example"), entry(2, S.APPROVED, service="example.chat")])
    assert [each.why for each in two.weigh(SUBJECT, START_NS)] == ["wider than entry 2", "decides"]
    only = Approvals([entry(1, S.APPROVED, vendor="Example", until_ns=START_NS)])
    assert [each.why for each in only.weigh(SUBJECT, START_NS)] == ["has ended"]


@pytest.mark.parametrize(
    ("state", "severity", "result"),
    [
        (S.UNREVIEWED, Severity.HIGH, Severity.HIGH),
        (S.IN_REVIEW, Severity.HIGH, Severity.HIGH),
        (S.UNAPPROVED, Severity.INFO, Severity.LOW),
        (S.UNAPPROVED, Severity.HIGH, Severity.CRITICAL),
        (S.UNAPPROVED, Severity.CRITICAL, Severity.CRITICAL),
        (S.TOLERATED, Severity.HIGH, Severity.INFO),
        (S.TOLERATED, Severity.CRITICAL, Severity.CRITICAL),
    ],
)
def test_the_state_makes_it_more_or_less_severe(state: S, severity: Severity, result: Severity) -> None:
    assert severity_under(state, severity) is result
    detection = hello(0, severity)
    ruled = apply(detection, Ruling(terms=Terms(state=state)))
    assert ruled.verdict.severity is result
    assert replace(ruled, verdict=detection.verdict) == detection
    assert (ruled is detection) is (severity is result)


def test_an_entry_says_what_and_whom_it_is_for() -> None:
    first = entry(1, S.APPROVED, service="example.chat", clients=("192.0.2.7",), groups=("sales",))
    assert (first.what, first.whom) == ("example.chat", "192.0.2.7, group sales")
    second = entry(2, S.APPROVED, vendor="Example")
    assert (second.what, second.whom) == ("vendor Example", "everybody")
    assert entry(3, S.APPROVED, service_class=ServiceClass.AI).what == "class ai"


def test_a_client_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Approvals([entry(1, S.APPROVED, vendor="Example", clients=("nonsense",))])


def test_a_group_alone_can_be_asked_for() -> None:
    group = Subject.of(signature(), None, ("sales",))
    assert decided(entry(1, S.APPROVED, vendor="Example", groups=("sales",)), subject=group).entry == 1
    assert decided(entry(1, S.APPROVED, vendor="Example", clients=("::/0",)), subject=group) == NO_RULING


def test_an_entry_is_somewhere_in_its_life() -> None:
    terms = Terms(from_ns=10, until_ns=100)
    assert [terms.standing(at, 20) for at in (9, 10, 79, 80, 99, 100)] == [
        Standing.NOT_BEGUN,
        Standing.HOLDS,
        Standing.HOLDS,
        Standing.ENDS_SOON,
        Standing.ENDS_SOON,
        Standing.ENDED,
    ]
    assert Terms().standing(0, 10**30) is Standing.HOLDS
