from __future__ import annotations

from egret.cli.coverage_summary import coverage_summary


def test_what_was_seen_is_said_the_most_first() -> None:
    counts = {"named_by": {"nothing": 1, "hello": 7}, "nameless": {"no_sni": 1}, "ech": {"grease": 0}, "httpdns": {}}
    assert coverage_summary(counts) == ["named by: hello 7, nothing 1", "nameless because of: no_sni 1"]


def test_of_nothing_nothing_is_said() -> None:
    assert coverage_summary({}) == []
