from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.alerts.timestamps import rfc3339
from egret.errors import ConfigErrors
from egret.judge.approvals import ApprovalState
from egret.model import ServiceClass
from egret.settings.approvals_section import ApprovalSettings, unmatched
from egret.settings.config import read_config
from egret.settings.positions import Document, parse
from egret.settings.yaml_text import effective_yaml
from tests.support.alerts import signature

GOOD = """
approvals:
  expires_soon: 30d
  entries:
    - service: example.chat
      state: in review
      clients: [192.0.2.0/24, "2001:db8::1"]
      groups: [sales]
      owner: IT security
      ticket: TICKET-1
      reason: pilot
      from: 2026-01-01
      until: 2026-10-01
    - {vendor: Example, state: unapproved}
    - {class: ai, state: tolerated, from: 2026-01-01T08:00:00+02:00}
"""


def document(text: str) -> Document:
    return parse(text.encode(), "t.yaml")


def section(text: str) -> ApprovalSettings:
    return read_config(document(text)).approvals


def problem(entry: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        section(f"approvals:\n  entries:\n    - {{{entry}}}\n")
    return str(caught.value)


def test_an_entry_becomes_terms_for_somebody() -> None:
    first, second, third = section(GOOD).as_approvals()
    assert first.terms.state is ApprovalState.IN_REVIEW
    assert (first.number, first.service, first.clients, first.groups) == (
        1,
        "example.chat",
        ("192.0.2.0/24", "2001:db8::1/128"),
        ("sales",),
    )
    assert (first.terms.owner, first.terms.ticket, first.terms.reason) == ("IT security", "TICKET-1", "pilot")
    assert (second.vendor, second.terms.state) == ("Example", ApprovalState.UNAPPROVED)
    assert (third.service_class, third.number) == (ServiceClass.AI, 3)


def test_a_date_begins_at_its_begin_and_ends_at_its_end() -> None:
    first, _, third = section(GOOD).as_approvals()
    assert first.terms.from_ns is not None
    assert first.terms.until_ns is not None
    assert third.terms.from_ns is not None
    assert rfc3339(first.terms.from_ns) == "2026-01-01T00:00:00.000000000Z"
    assert rfc3339(first.terms.until_ns) == "2026-10-02T00:00:00.000000000Z"
    assert rfc3339(third.terms.from_ns) == "2026-01-01T06:00:00.000000000Z"


def test_what_is_in_force_can_be_read_back() -> None:
    config = read_config(document(GOOD))
    assert read_config(document(effective_yaml(config))).approvals == config.approvals


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("state: approved", "exactly one of service, vendor and class"),
        ("state: approved, service: a, vendor: b", "exactly one of service, vendor and class"),
        ("state: approwed, vendor: b", "t.yaml:3:15: 'state' cannot be 'approwed' (did you mean 'approved'?)"),
        ("state: approved, class: embeddet", "(did you mean 'embedded'?)"),
        ("vendor: b", "missing option 'state'"),
        ("state: approved, vendor: b, ownr: x", "(did you mean 'owner'?)"),
        ("state: approved, vendor: b, clients: [192.0.2.1/24]", "did you mean 192.0.2.0/24?"),
        ("state: approved, vendor: b, clients: [sales]", "no address or network"),
        ("state: approved, vendor: b, groups: [Sales Team]", "is no name"),
        ("state: approved, vendor: b, until: tomorrow", "'tomorrow' is no date"),
        ("state: approved, vendor: b, from: 2026-02-30", "'2026-02-30' is no date"),
        ('state: approved, vendor: b, from: "2026-02-03T10:00:00"', "a time needs its zone"),
        ("state: approved, vendor: b, from: 2026-02-03, until: 2026-02-02", "'until' comes before 'from'"),
        ('state: approved, vendor: b, owner: "a\\nb"', "one line of printable text"),
        (f"state: approved, vendor: b, reason: {'x' * 201}", "at most 200"),
        ("state: 7, vendor: b", "'state'"),
        ("state: [approved], vendor: b", "'state'"),
        ('state: approved, service: ""', "'service'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(entry: str, said: str) -> None:
    text = problem(entry)
    assert said in text
    assert text.startswith("t.yaml:3:")


def test_one_day_may_be_all() -> None:
    [entry] = section(
        "approvals: {entries: [{vendor: b, state: approved, from: 2026-02-03, until: 2026-02-03}]}"
    ).entries
    assert entry.from_ is not None
    assert entry.until is not None
    assert (entry.until - entry.from_).days == 1


def test_entries_that_match_nothing_are_found_with_their_place_and_what_was_meant() -> None:
    text = """
approvals:
  entries:
    - {service: exampl.chat, state: approved}
    - {vendor: Exampll, state: approved}
    - {vendor: EXAMPLE, state: approved, groups: [sales, slaes]}
"""
    read = document(text)
    found = unmatched(read_config(read).approvals, [signature()], {"sales"}, read)
    assert [str(each) for each in found] == [
        "t.yaml:4:17: the catalogue has no service 'exampl.chat' (did you mean 'example.chat'?)",
        "t.yaml:5:16: the catalogue has no vendor 'Exampll' (did you mean 'Example'?)",
        "t.yaml:6:58: no client is in a group 'slaes' (did you mean 'sales'?)",
    ]
    without_file = unmatched(read_config(read).approvals, [signature()], {"sales"})
    assert str(without_file[0]).startswith("approvals, entry 1: the catalogue has no service")


def test_what_nothing_resembles_gets_a_way_to_find_it() -> None:
    settings = section(
        "approvals: {entries: [{service: zz, state: approved, groups: [g]}, {vendor: q, state: approved}]}"
    )
    hints = [each.hint for each in unmatched(settings, [signature()], ())]
    assert hints == ["see `egret catalog list`", "name it under clients.groups", "see `egret catalog list`"]


@given(
    st.text(max_size=40), st.sampled_from(["state", "service", "vendor", "class", "owner", "from", "until", "clients"])
)
def test_hostile_text_is_an_error_or_a_value(text: str, key: str) -> None:
    fields = {"state": "approved", "vendor": "b", key: text}
    lines = "".join(f"      {name}: {value!r}\n" for name, value in fields.items())
    try:
        section("approvals:\n  entries:\n    -\n" + lines)
    except ConfigErrors as error:
        said = str(error)
    else:
        said = "fine"
    assert said
