from __future__ import annotations

import pytest

from egret.model import Severity, VolumeSource


def test_severities_are_ordered_and_step_down_to_info() -> None:
    assert [severity.rank for severity in Severity] == [0, 1, 2, 3, 4]
    assert Severity.HIGH.step_down() is Severity.MEDIUM
    assert Severity.INFO.step_down() is Severity.INFO
    assert Severity.HIGH.step_up() is Severity.CRITICAL
    assert Severity.CRITICAL.step_up() is Severity.CRITICAL


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (VolumeSource.TCP, None, VolumeSource.TCP),
        (VolumeSource.UDP, VolumeSource.UDP, VolumeSource.UDP),
        (VolumeSource.TCP, VolumeSource.UDP, VolumeSource.TCP_UDP),
        (VolumeSource.TCP_UDP, VolumeSource.UDP, VolumeSource.TCP_UDP),
        (VolumeSource.TCP, VolumeSource.CONNTRACK, VolumeSource.CONNTRACK),
    ],
)
def test_a_sum_of_volumes_names_its_sources(one: VolumeSource, other: VolumeSource | None, both: VolumeSource) -> None:
    assert one.joined(other) is both
    assert other is None or other.joined(one) is both
