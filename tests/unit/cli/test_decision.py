from __future__ import annotations

import pytest

from egret.cli.decision import decision, decision_lines
from egret.daemon.rules import Rules
from egret.errors import ConfigError
from egret.settings.config import read_config
from egret.settings.positions import parse
from tests.support.alerts import START_NS, signature

TEXT = """
clients: {groups: {sales: [192.0.2.0/28]}}
approvals:
  entries:
    - {service: example.chat, state: approved, groups: [sales], owner: IT security, ticket: T-1, until: 2026-10-01}
    - {vendor: Example, state: unapproved, owner: CISO}
    - {service: example.chat, state: in review, until: 2025-10-01, owner: DPO}
"""


def settings(text: str = TEXT) -> Rules:
    return Rules.of(read_config(parse(text.encode(), "t.yaml")))


def test_a_group_is_told_which_entry_decides_and_why_the_others_do_not() -> None:
    found = decision(signature(), "sales", settings(), START_NS)
    assert (found["state"], found["entry"], found["client"]) == ("approved", 1, "sales")
    assert [(each["entry"], each["decides"], each["why"]) for each in found["entries"]] == [
        (1, True, "decides"),
        (2, False, "wider than entry 1"),
        (3, False, "has ended"),
    ]
    assert list(decision_lines(found))[:2] == [
        "approved by IT security, T-1, until 2026-10-01 (entry 1)",
        "entry 1: example.chat for group sales, approved by IT security, T-1, until 2026-10-01: decides",
    ]


def test_without_a_client_it_says_what_holds_for_everybody_and_how_to_ask_further() -> None:
    found = decision(signature(), None, settings(), START_NS)
    assert (found["state"], found["ended"]["owner"]) == ("unapproved", "DPO")
    assert next(decision_lines(found)).endswith("(entry 2); --client ADDRESS says what holds for one")
    assert decision(signature(), "198.51.100.1", settings(), START_NS)["entry"] == 2


def test_where_nobody_decided_it_says_so() -> None:
    found = decision(signature(), None, settings("{}"), START_NS)
    assert list(decision_lines(found)) == ["unreviewed: no entry holds"]


def test_what_ended_is_said() -> None:
    only = "approvals: {entries: [{service: example.chat, state: approved, until: 2025-10-01}]}"
    found = decision(signature(), "192.0.2.7", settings(only), START_NS)
    assert found["text"] == "unreviewed: no entry holds; 'approved', ended 2025-10-01"


def test_a_client_that_is_none_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"no address and no group.*did you mean 'sales'"):
        decision(signature(), "slaes", settings(), START_NS)


def test_an_address_is_in_the_groups_that_the_configuration_says() -> None:
    assert decision(signature(), "192.0.2.7", settings(), START_NS)["entry"] == 1
    assert decision(signature(), "192.0.2.17", settings(), START_NS)["entry"] == 2
