from __future__ import annotations

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from egret.judge.points import Points, Step
from egret.model import Category, ServiceClass
from egret.settings.score_section import Score, parse_size, read_zone


def test_the_defaults_are_those_of_the_judge() -> None:
    assert Score().points() == Points()


def test_options_become_points_and_the_rest_stays() -> None:
    given = {
        "classes": {"cloud": 9},
        "categories": {"image": 2},
        "volume": {"1GB": 20, "5kB": 1},
        "window": "2d",
        "hours": "22-6",
        "time_zone": "UTC",
        "server_groups": ["racks"],
        "raise_to_medium": 50,
    }
    points = Score.model_validate(given).points()
    assert (points.classes[ServiceClass.CLOUD], points.classes[ServiceClass.AI]) == (9, 45)
    assert points.categories == {Category.IMAGE: 2}
    assert points.volume == (Step(5_000, 1), Step(1_000_000_000, 20))
    assert points.window_ns == timedelta(days=2) // timedelta(microseconds=1) * 1000
    assert (points.hours, points.time_zone, points.server_groups) == ((22, 6), UTC, frozenset({"racks"}))
    assert points.raise_to_medium == 50


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("volume", {"10": 1}, "'10' is no size; write a number and kB, MB or GB"),
        ("hours", "7-25", "are no hours"),
        ("hours", "07-7", "are no hours"),
        ("time_zone", "Mars/Phobos", "write it as Europe/Berlin"),
        ("time_zone", "../../etc/passwd", "write it as Europe/Berlin"),
        ("raise_to_high", 95, "must not fall in this order"),
        ("rare", 101, "less than or equal to 100"),
        ("raise_to_medium", 0, "greater than or equal to 1"),
        ("categories", {"chats": 1}, "Input should be"),
    ],
)
def test_what_is_wrong_is_said(option: str, value: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Score.model_validate({option: value})


def test_sizes_and_zones() -> None:
    assert [parse_size(text) for text in ("1kB", "10MB", "2GB")] == [1_000, 10_000_000, 2_000_000_000]
    assert read_zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
