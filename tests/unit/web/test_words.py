from __future__ import annotations

import pytest

from egret.evidence import About
from egret.model import Hosting, Operator, Severity, VolumeSource
from egret.web.words import (
    chain,
    client_cell,
    decision,
    hosting_cell,
    operator_cell,
    seen_words,
    severity_badge,
    volume_words,
)
from tests.support.webview import CHAIN, HOSTILE, incident, incidents


def test_a_severity_is_a_word_and_a_shape_besides_a_colour() -> None:
    badges = {severity_badge(each) for each in Severity}
    assert len({badge.partition("</span>")[0].rpartition(">")[2] for badge in badges}) == len(Severity)
    assert all(each.value in "".join(badges) for each in Severity)


@pytest.mark.parametrize(
    ("operator", "said"),
    [
        (Operator(country="CN", contested=False), "CN"),
        (Operator(country="SG", contested=True), "contested (SG)"),
        (Operator(country=None, contested=True), "contested (unknown)"),
    ],
)
def test_whose_law(operator: Operator, said: str) -> None:
    assert operator_cell(operator) == said


def test_the_two_questions_are_never_mixed() -> None:
    law, where = chain(CHAIN, About.OPERATOR), chain(CHAIN, About.HOSTING)
    assert "operator country: <b>contested</b>" in law
    assert "documented inference: <b>any node" in where
    assert "the vendor&#x27;s words, not an observation<" in where
    assert (law.count("<li>"), where.count("<li>"), chain((), About.HOSTING)) == (2, 2, "")


def test_everything_from_outside_is_text() -> None:
    evil = incident(client=HOSTILE, client_name=HOSTILE, client_groups=(HOSTILE,))
    hosting = Hosting(country=HOSTILE, asn=1, as_org=HOSTILE)
    said = client_cell(evil) + hosting_cell(hosting, HOSTILE) + operator_cell(Operator(country=HOSTILE, contested=True))
    assert "<script" not in said


def test_decisions_and_signs_and_volumes() -> None:
    first, second, _ = incidents()
    assert decision(first).startswith("tolerated by IT")
    assert decision(second) == "unreviewed"
    assert seen_words(second) == "look-up only, no connection seen"
    assert volume_words(first) == ("1.2 MB", "98.8 kB")
    assert volume_words(second) is None
    assert volume_words(incident(volume_source=VolumeSource.UDP)) == ("0 B", "0 B")
