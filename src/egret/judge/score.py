"""The score: 0 to 100, a sum of named parts that a person can add up again.

It orders detections; the severity comes from the class and the operator's settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from egret.judge.hosting import MAINLAND
from egret.judge.jurisdiction import Place
from egret.model import Operator, ServiceClass, Signature

# weighed so that the default severities keep their order: high is 75 and more, medium 45 and more, low less
_CLASS_POINTS = {
    ServiceClass.AI: 55,
    ServiceClass.EMBEDDED: 35,
    ServiceClass.CLOUD: 5,
    ServiceClass.RESOLVER: 5,
    ServiceClass.BROAD: 0,
}
_OPERATOR_POINTS = 20
_CONTESTED_POINTS = 10
_PLACE_POINTS = 15
_LOOKUP_POINTS = -15


class Part(NamedTuple):
    """One summand."""

    name: str
    points: int
    why: str


def parts(signature: Signature, where: Place, *, lookup_only: bool) -> tuple[Part, ...]:
    """The summands, each with its reason; those without points are there too, so that nothing is hidden."""
    found = [
        Part("class", _CLASS_POINTS[signature.service_class], f"service class {signature.service_class}"),
        _operator(signature.operator),
        _place(where),
    ]
    if lookup_only:
        found.append(Part("lookup only", _LOOKUP_POINTS, "no connection seen"))
    return tuple(found)


def total(summands: Sequence[Part]) -> int:
    """The sum, kept between 0 and 100."""
    return min(100, max(0, sum(part.points for part in summands)))


def _operator(operator: Operator) -> Part:
    if operator.contested:
        return Part("operator", _CONTESTED_POINTS, "whether PRC law reaches the operator is contested")
    if operator.country == MAINLAND:
        return Part("operator", _OPERATOR_POINTS, "operator under PRC law")
    return Part("operator", 0, f"operator in {operator.country or 'an unknown country'}")


def _place(where: Place) -> Part:
    if where.country is None:
        return Part("hosting", 0, "place unknown")
    points = _PLACE_POINTS if where.in_china else 0
    return Part("hosting", points, f"{where.country} by {where.basis}")
