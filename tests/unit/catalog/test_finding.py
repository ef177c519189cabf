from __future__ import annotations

from egret.catalog.finding import Finding, Rule
from egret.errors import Position


def test_a_finding_says_where_what_and_what_to_do() -> None:
    finding = Finding(Position("a.yaml", 3, 5), Rule.TYPO, "'a' is one edit away from 'b'", "correct it")
    assert str(finding) == "a.yaml:3:5: typo: 'a' is one edit away from 'b' (correct it)"
