from __future__ import annotations

from egret.cli.steps import END, Place, in_order, moved
from egret.evidence import Raw
from egret.judge.unnamed import UNNAMED
from egret.model import Endpoint, Match, Volume, VolumeSource
from egret.value import replace
from egret.worker.pipeline import Hit
from tests.support.alerts import CLIENT, SERVER, START_NS
from tests.support.pipeline import flow, seen

MATCH = Match(next(iter(UNNAMED.values())), "x", None)
HIT = Hit(replace(seen("chat.example"), raw=Raw(b"x")), MATCH)


def test_places_are_in_the_order_of_the_file() -> None:
    assert sorted([END, Place(2, 0), Place(1, 9), Place(1, 0), Place(2, 10)]) == [
        Place(1, 0),
        Place(1, 9),
        Place(2, 0),
        Place(2, 10),
        END,
    ]


def test_what_comes_to_light_at_once_is_in_an_order_of_its_own() -> None:
    later = HIT._replace(event=seen("chat.example", at_s=1))
    other = HIT._replace(event=replace(seen("chat.example"), client=Endpoint(SERVER, 1)))
    nameless = HIT._replace(event=replace(flow(), time_ns=START_NS - 1))
    found = in_order([later, other, HIT, nameless])
    assert found == in_order([nameless, HIT, later, other])
    assert found[0] is nameless
    assert found[-1] is later


def test_of_a_client_and_a_service_there_is_one_sum() -> None:
    one = Volume(CLIENT, "x", 1, 2, VolumeSource.TCP, 5)
    other = Volume(CLIENT, "x", 10, 20, VolumeSource.UDP, 4)
    third = Volume(CLIENT, "w", 1, 1, VolumeSource.TCP, 9)
    assert moved([one, third, other]).volumes == (third, Volume(CLIENT, "x", 11, 22, VolumeSource.TCP_UDP, 5))
