from __future__ import annotations

from egret.alerts.weighing import Weighing
from egret.evidence import ScorePart
from egret.judge.points import DEFAULT_POINTS, Points

LOOKUP = (ScorePart("class", 45, ""), ScorePart("look-up only", -10, ""))
HELLO = (ScorePart("class", 45, ""),)
FIRST = ScorePart("first seen", 5, "")


def test_the_gravest_detection_and_what_the_network_adds() -> None:
    weighing = Weighing((), 0, DEFAULT_POINTS)
    weighing.network([FIRST])
    weighing.detection(LOOKUP)
    assert weighing.total == 40
    weighing.detection(HELLO)
    weighing.detection(LOOKUP)
    assert (weighing.total, weighing.parts) == (50, (*HELLO, FIRST))


def test_a_larger_volume_takes_the_place_of_the_smaller() -> None:
    weighing = Weighing(HELLO, 45, DEFAULT_POINTS)
    for sent in (None, 5, 2_000_000, 20_000_000):
        weighing.volume(sent)
    assert [(part.name, part.points) for part in weighing.parts] == [("class", 45), ("volume", 6)]


def test_an_odd_hour_stays() -> None:
    weighing = Weighing((), 0, Points(odd_hours=4))
    weighing.detection(HELLO)
    weighing.hour(0)
    weighing.hour(12 * 3_600_000_000_000)
    assert weighing.total == 49


def test_parts_of_a_kept_incident_go_on_and_a_score_without_parts_stands() -> None:
    assert Weighing((*HELLO, FIRST), 50, DEFAULT_POINTS).parts == (*HELLO, FIRST)
    old = Weighing((), 70, DEFAULT_POINTS)
    old.detection(LOOKUP)
    assert (old.total, [part.name for part in old.parts]) == (70, ["before"])
