from __future__ import annotations

import json

import pytest

from egret.alerts.rulings import ended_text, ruling_from_dict, ruling_text, ruling_to_dict, terms_text, until_text
from egret.judge.approvals import NO_RULING, ApprovalState, Ruling, Terms

DAY_NS = 86_400_000_000_000
TERMS = Terms(
    state=ApprovalState.IN_REVIEW,
    owner="IT security",
    ticket="TICKET-1",
    reason="pilot",
    from_ns=20_000 * DAY_NS,
    until_ns=20_728 * DAY_NS,  # 2026-10-02T00:00:00Z: the entry says "until 2026-10-01"
)


@pytest.mark.parametrize(
    "ruling", [NO_RULING, Ruling(terms=TERMS, entry=3), Ruling(ended=TERMS)], ids=["no", "3", "ended"]
)
def test_there_and_back(ruling: Ruling) -> None:
    assert ruling_from_dict(json.loads(json.dumps(ruling_to_dict(ruling)))) == ruling


def test_incidents_from_before_there_were_approvals_have_none() -> None:
    assert ruling_from_dict(None) is NO_RULING


@pytest.mark.parametrize("key", ruling_to_dict(NO_RULING))
def test_a_ruling_that_lacks_something_is_refused(key: str) -> None:
    whole = ruling_to_dict(Ruling(terms=TERMS, entry=1))
    del whole[key]
    with pytest.raises((KeyError, ValueError)):
        ruling_from_dict(whole)


def test_it_says_who_decided_and_until_when() -> None:
    assert ruling_text(NO_RULING) == ""
    assert ruling_text(Ruling(terms=TERMS, entry=1)) == "in review by IT security, TICKET-1, until 2026-10-01"
    assert terms_text(Terms(state=ApprovalState.UNAPPROVED)) == "unapproved"


def test_it_says_what_ended() -> None:
    assert ended_text(TERMS) == "'in review' by IT security, TICKET-1, ended 2026-10-01"
    both = Ruling(terms=Terms(state=ApprovalState.UNAPPROVED), entry=2, ended=TERMS)
    assert ruling_text(both) == "unapproved; 'in review' by IT security, TICKET-1, ended 2026-10-01"
    assert ruling_text(Ruling(ended=Terms(until_ns=1))) == "'unreviewed', ended 1970-01-01T00:00:00Z"


def test_an_end_within_a_day_is_said_to_the_second() -> None:
    assert until_text(20_728 * DAY_NS + 3_600_000_000_000) == "2026-10-02T01:00:00Z"
