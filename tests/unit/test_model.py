from __future__ import annotations

from egret.model import Severity


def test_severities_are_ordered_and_step_down_to_info() -> None:
    assert [severity.rank for severity in Severity] == [0, 1, 2, 3, 4]
    assert Severity.HIGH.step_down() is Severity.MEDIUM
    assert Severity.INFO.step_down() is Severity.INFO
    assert Severity.HIGH.step_up() is Severity.CRITICAL
    assert Severity.CRITICAL.step_up() is Severity.CRITICAL
