from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from pydantic import ValidationError

from egret.alerts.routing import Hours, Kind
from egret.model import ServiceClass, Severity
from egret.settings.routing_section import RouteSettings, parse_hours, zone

EVERY_DAY = frozenset(range(7))


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("Mon-Fri 08:00-18:00", Hours(frozenset(range(5)), 480, 1080)),
        ("sat,sun", Hours(frozenset({5, 6}), 0, 1440)),
        ("22:00-06:00", Hours(EVERY_DAY, 1320, 360)),
        (" Fri-Mon 00:00-24:00 ", Hours(frozenset({4, 5, 6, 0}), 0, 1440)),
        ("Wed", Hours(frozenset({2}), 0, 1440)),
    ],
)
def test_hours_as_people_write_them(text: str, hours: Hours) -> None:
    assert parse_hours(text) == hours


@pytest.mark.parametrize(
    "text", ["", "8-18", "Mon-Fry 08:00-18:00", "25:00-26:00", "08:60-09:00", "Mon 08:00", "-", "24:01-24:02"]
)
def test_what_is_no_stretch_of_hours(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        parse_hours(text)


def test_a_route_as_alerts_need_it() -> None:
    made = RouteSettings.model_validate(
        {
            "to": ["soc"],
            "severities": ["high"],
            "vendors": ["Alibaba"],
            "classes": ["ai"],
            "signatures": ["a.b"],
            "groups": ["g"],
            "hours": ["Mon"],
            "timezone": "Europe/Berlin",
        }
    ).as_route()
    assert made.severities == frozenset({Severity.HIGH})
    assert made.vendors == frozenset({"alibaba"})
    assert made.classes == frozenset({ServiceClass.AI})
    assert (made.signatures, made.groups) == (frozenset({"a.b"}), frozenset({"g"}))
    assert made.hours == (Hours(frozenset({0}), 0, 1440),)
    assert str(made.zone) == "Europe/Berlin"
    assert zone("UTC") is UTC


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"to": []}, "at least 1"),
        ({"to": ["soc"], "timezone": "Mars/Olympus"}, "no time zone"),
        ({"to": ["soc"], "timezone": "../../etc/passwd"}, "no time zone"),
        ({"to": ["soc"], "timezone": ""}, "no time zone"),
        ({"to": ["soc"], "hours": ["often"]}, "is no"),
    ],
)
def test_what_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RouteSettings.model_validate(values)


def test_kinds_and_what_the_sensor_has_not() -> None:
    made = RouteSettings.model_validate({"to": ["a"], "kinds": ["sensor", "incident"], "vendors": ["X"]}).as_route()
    assert made.kinds == {Kind.SENSOR, Kind.INCIDENT}
    with pytest.raises(ValidationError, match="kind incident"):
        RouteSettings.model_validate({"to": ["a"], "kinds": ["sensor"], "vendors": ["X"]})
    with pytest.raises(ValidationError):
        RouteSettings.model_validate({"to": ["a"], "kinds": ["digest"]})
