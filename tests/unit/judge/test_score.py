from __future__ import annotations

from itertools import product

import pytest

from egret.judge.jurisdiction import Basis, Place
from egret.judge.score import Part, parts, total
from egret.model import Operator, ServiceClass, Severity
from tests.support.judge import CONTESTED, PRC, signature

CHINA = Place("CN", Basis.ADDRESS, in_china=True)
ABROAD = Place("SG", Basis.NAME, in_china=False)
ORDER = (ServiceClass.AI, ServiceClass.EMBEDDED, ServiceClass.CLOUD, ServiceClass.BROAD)
NOWHERE = Place(None, Basis.NOTHING, in_china=False)


def score(service_class: ServiceClass, operator: Operator, where: Place, *, lookup_only: bool = False) -> int:
    return total(parts(signature(service_class, operator), where, lookup_only=lookup_only))


def test_the_sum_is_the_sum_of_its_parts() -> None:
    summands = parts(signature(), CHINA, lookup_only=True)
    assert summands == (
        Part("class", 55, "service class ai"),
        Part("operator", 20, "operator under PRC law"),
        Part("hosting", 15, "CN by address"),
        Part("lookup only", -15, "no connection seen"),
    )
    assert total(summands) == 75


@pytest.mark.parametrize(("operator", "where"), list(product((PRC, CONTESTED), (CHINA, ABROAD, NOWHERE))))
def test_classes_keep_their_order(operator: Operator, where: Place) -> None:
    by_class = [score(each, operator, where) for each in ORDER]
    assert by_class == sorted(by_class, reverse=True)


@pytest.mark.parametrize(
    ("service_class", "operator", "where", "severity"),
    [
        (ServiceClass.AI, PRC, CHINA, Severity.HIGH),
        (ServiceClass.AI, PRC, NOWHERE, Severity.HIGH),
        (ServiceClass.AI, PRC, ABROAD, Severity.HIGH),
        (ServiceClass.AI, CONTESTED, CHINA, Severity.HIGH),
        (ServiceClass.AI, CONTESTED, ABROAD, Severity.MEDIUM),
        (ServiceClass.EMBEDDED, PRC, CHINA, Severity.MEDIUM),
        (ServiceClass.EMBEDDED, CONTESTED, NOWHERE, Severity.MEDIUM),
        (ServiceClass.CLOUD, PRC, CHINA, Severity.LOW),
        (ServiceClass.RESOLVER, PRC, CHINA, Severity.LOW),
    ],
)
def test_the_score_agrees_with_the_default_severity(
    service_class: ServiceClass, operator: Operator, where: Place, severity: Severity
) -> None:
    points = score(service_class, operator, where)
    band = Severity.HIGH if points >= 75 else Severity.MEDIUM if points >= 45 else Severity.LOW
    assert band is severity


def test_another_operator_adds_nothing() -> None:
    assert score(ServiceClass.AI, Operator(country="US", contested=False), NOWHERE) == 55
    assert parts(signature(operator=Operator(country=None, contested=False)), NOWHERE, lookup_only=False)[1].points == 0


def test_bounds() -> None:
    assert total([Part("a", 90, ""), Part("b", 90, "")]) == 100
    assert total([Part("a", -9, "")]) == 0
    assert score(ServiceClass.BROAD, CONTESTED, NOWHERE, lookup_only=True) == 0
