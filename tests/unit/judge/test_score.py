from __future__ import annotations

from datetime import timedelta, timezone
from itertools import product

import pytest

from egret.evidence import ScorePart
from egret.judge.jurisdiction import Basis, Place
from egret.judge.points import Points
from egret.judge.score import (
    Context,
    context_parts,
    hour_part,
    parts,
    raise_line,
    size_text,
    total,
    volume_part,
)
from egret.model import Category, Match, Operator, Scope, ServiceClass, Severity
from egret.value import replace
from tests.support.judge import CONTESTED, PRC, match, signature

CHINA = Place("CN", Basis.ADDRESS, in_china=True)
ABROAD = Place("SG", Basis.NAME, in_china=False)
ORDER = (ServiceClass.AI, ServiceClass.EMBEDDED, ServiceClass.CLOUD, ServiceClass.BROAD)
NOWHERE = Place(None, Basis.NOTHING, in_china=False)
HOUR_NS = 3_600_000_000_000


def score(service_class: ServiceClass, operator: Operator, where: Place, *, lookup_only: bool = False) -> int:
    return total(parts(match(signature(service_class, operator)), where, lookup_only=lookup_only))


def scoped(*, includes_mainland: bool | None) -> Match:
    scope = Scope(storage=None, inference="as documented", includes_mainland=includes_mainland, source="docs", date="")
    return replace(match(), scope=scope)


def test_the_sum_is_the_sum_of_its_parts() -> None:
    summands = parts(match(), CHINA, lookup_only=True)
    assert summands == (
        ScorePart("class", 45, "service class ai"),
        ScorePart("category", 0, "category chat"),
        ScorePart("operator", 15, "operator under PRC law"),
        ScorePart("hosting", 10, "CN by address"),
        ScorePart("look-up only", -10, "no connection seen"),
    )
    assert total(summands) == 60


@pytest.mark.parametrize(("operator", "where"), list(product((PRC, CONTESTED), (CHINA, ABROAD, NOWHERE))))
def test_classes_keep_their_order(operator: Operator, where: Place) -> None:
    by_class = [score(each, operator, where) for each in ORDER]
    assert by_class == sorted(by_class, reverse=True)


@pytest.mark.parametrize(
    ("includes_mainland", "where", "points"),
    [(True, ABROAD, 7), (True, NOWHERE, 7), (True, CHINA, 0), (False, ABROAD, 0), (None, ABROAD, None)],
)
def test_a_documented_inference_scope_counts_where_the_place_does_not(
    includes_mainland: bool | None, where: Place, points: int | None
) -> None:
    found = {
        part.name: part.points for part in parts(scoped(includes_mainland=includes_mainland), where, lookup_only=False)
    }
    assert found.get("inference scope") == points


def test_another_operator_adds_nothing() -> None:
    assert score(ServiceClass.AI, Operator(country="US", contested=False), NOWHERE) == 45
    nobody = match(signature(operator=Operator(country=None, contested=False)))
    assert {part.name: part.points for part in parts(nobody, NOWHERE, lookup_only=False)}["operator"] == 0


def test_an_unsure_name_weighs_less() -> None:
    sure, unsure = (total(parts(match(), CHINA, lookup_only=False, unsure_name=each)) for each in (False, True))
    assert unsure == sure - 10


def test_bounds() -> None:
    assert total([ScorePart("a", 90, ""), ScorePart("b", 90, "")]) == 100
    assert total([ScorePart("a", -9, "")]) == 0
    assert score(ServiceClass.BROAD, CONTESTED, NOWHERE, lookup_only=True) == 0


@pytest.mark.parametrize(
    ("context", "category", "points"),
    [
        (Context(), Category.CHAT, {}),
        (
            Context(first_in_network=True, first_by_client=True, clients=1),
            Category.CHAT,
            {"first seen": 5, "prevalence": 0},
        ),
        (Context(first_by_client=True, clients=2), Category.CHAT, {"first seen": 3, "prevalence": 5}),
        (Context(clients=3), Category.CHAT, {"prevalence": 0}),
        (Context(clients=9, server=True), Category.API, {"prevalence": 0, "server": 10}),
        (Context(clients=9, server=True), Category.CHAT, {"prevalence": 0}),
    ],
)
def test_what_the_network_adds(context: Context, category: Category, points: dict[str, int]) -> None:
    assert {part.name: part.points for part in context_parts(category, context)} == points


@pytest.mark.parametrize(
    ("sent", "points"),
    [(None, None), (0, None), (999_999, None), (1_000_000, 3), (99_999_999, 6), (100_000_000, 10), (10**12, 15)],
)
def test_volume_goes_in_steps(sent: int | None, points: int | None) -> None:
    part = volume_part(sent)
    assert (part.points if part else None) == points


def test_the_hour_is_off_by_default_and_has_a_zone() -> None:
    night = 3 * HOUR_NS
    assert hour_part(night) is None
    on = Points(odd_hours=4)
    assert hour_part(night, on) == ScorePart("hour", 4, "outside 07:00 to 20:00")
    assert hour_part(7 * HOUR_NS, on) is None
    assert hour_part(20 * HOUR_NS, on) is not None
    assert hour_part(night, replace(on, time_zone=timezone(timedelta(hours=8)))) is None
    shift = replace(on, hours=(22, 6))
    assert (hour_part(night, shift), hour_part(12 * HOUR_NS, shift) is not None) == (None, True)


@pytest.mark.parametrize("time_ns", [-1, 0, 2**63, 10**30])
def test_no_clock_of_a_capture_breaks_the_hour(time_ns: int) -> None:
    hour_part(time_ns, Points(odd_hours=1, time_zone=timezone(timedelta(hours=14))))


def test_texts() -> None:
    assert [size_text(size) for size in (7, 1_500, 10_000_000, 1_200_000_000)] == ["7 B", "1.5 kB", "10 MB", "1.2 GB"]
    assert raise_line(Severity.CRITICAL, 93) == (
        "Raised to critical: the score of 93 reaches 90 (score.raise_to_critical)"
    )
