from __future__ import annotations

from egret.cli.findings import Finding, Level


def test_a_good_finding_needs_no_remedy() -> None:
    assert Finding("python", Level.OK, "3.11").remedy == ""
    assert [level.value for level in Level] == ["ok", "warn", "fail"]
