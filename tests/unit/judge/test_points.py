from __future__ import annotations

from itertools import product

import pytest

from egret.judge.points import DEFAULT_POINTS, Points
from egret.model import ServiceClass, Severity

LOWEST = min(at for each in Severity if (at := DEFAULT_POINTS.threshold(each)) is not None)


@pytest.mark.parametrize("service_class", ServiceClass)
def test_with_the_defaults_no_detection_by_itself_is_raised_not_even_the_first_of_its_service(
    service_class: ServiceClass,
) -> None:
    assert DEFAULT_POINTS.most(service_class) + DEFAULT_POINTS.first_in_network < LOWEST


@pytest.mark.parametrize(("severity", "score"), list(product(Severity, range(0, 101, 5))))
def test_a_score_never_lowers(severity: Severity, score: int) -> None:
    assert DEFAULT_POINTS.raised(severity, score).rank >= severity.rank


@pytest.mark.parametrize(
    ("score", "severity"), [(79, "low"), (80, "high"), (89, "high"), (90, "critical"), (100, "critical")]
)
def test_thresholds(score: int, severity: str) -> None:
    assert DEFAULT_POINTS.raised(Severity.LOW, score) is Severity(severity)


def test_thresholds_can_be_left_out() -> None:
    none = Points(raise_to_high=None, raise_to_critical=None)
    assert none.raised(Severity.INFO, 100) is Severity.INFO
    assert Points(raise_to_medium=30).raised(Severity.LOW, 30) is Severity.MEDIUM


def test_the_most_is_within_the_bounds() -> None:
    assert Points(operator_prc=100).most(ServiceClass.AI) == 100
    assert Points(operator_prc=-100, operator_contested=-100, hosting_in_china=0).most(ServiceClass.BROAD) == 10
