from __future__ import annotations

from datetime import UTC, timedelta, timezone

import pytest

from egret.alerts.model import Action, Alert
from egret.alerts.routing import Hours, Kind, Route, sensor_wanted, wanted
from egret.model import ServiceClass, Severity
from egret.value import replace
from tests.support.alerts import opened, sensor_alert

THURSDAY = 3  # 2026-01-01, midnight UTC, is when ``opened`` is
WEEKDAYS = frozenset(range(5))


def alert(at_s: float = 0.0) -> Alert:
    first = opened(at_s=at_s)
    return replace(first, incident=replace(first.incident, client_groups=("finance", "office")))


def test_without_routes_everything_is_wanted() -> None:
    assert wanted((), alert())
    assert wanted((Route(),), alert())


@pytest.mark.parametrize(
    ("route", "fits"),
    [
        (Route(severities=frozenset({Severity.HIGH})), True),
        (Route(severities=frozenset({Severity.LOW})), False),
        (Route(vendors=frozenset({"example"})), True),
        (Route(vendors=frozenset({"other"})), False),
        (Route(classes=frozenset({ServiceClass.AI})), True),
        (Route(classes=frozenset({ServiceClass.CLOUD})), False),
        (Route(signatures=frozenset({"example.chat"})), True),
        (Route(signatures=frozenset({"other.chat"})), False),
        (Route(groups=frozenset({"office", "lab"})), True),
        (Route(groups=frozenset({"lab"})), False),
        (Route(vendors=frozenset({"example"}), groups=frozenset({"lab"})), False),
    ],
)
def test_all_that_a_route_names_must_fit(route: Route, fits: bool) -> None:
    assert route.fits(alert()) is fits
    assert wanted((route, Route(vendors=frozenset({"nobody"}))), alert()) is fits


def test_hours_are_those_of_the_event_in_the_zone_of_the_route() -> None:
    office = Hours(WEEKDAYS, 8 * 60, 18 * 60)
    nine = alert(9 * 3600.0)
    assert Route(hours=(office,)).fits(nine)
    assert not Route(hours=(office,)).fits(alert(7.5 * 3600))
    assert Route(hours=(office,), zone=timezone(timedelta(hours=1))).fits(alert(7.5 * 3600))
    assert not Route(hours=(office,)).fits(alert(2 * 86_400 + 9 * 3600))  # Saturday
    assert not Route(hours=(office,)).fits(alert(18 * 3600))
    assert Route(hours=(Hours(frozenset({THURSDAY}), 0, 1),)).fits(alert())


def test_a_night_ends_in_the_morning_after() -> None:
    night = Hours(frozenset({THURSDAY}), 22 * 60, 6 * 60)
    assert night.holds(THURSDAY, 23 * 60)
    assert night.holds(THURSDAY + 1, 5 * 60)
    assert not night.holds(THURSDAY, 5 * 60)
    assert not night.holds(THURSDAY + 1, 23 * 60)
    whole = Hours(frozenset({6}), 0, 0)
    assert whole.holds(6, 0)
    assert whole.holds(6, 1439)
    assert not whole.holds(0, 0)


def test_an_escalation_comes_at_any_hour() -> None:
    never = Route(hours=(Hours(frozenset(), 0, 1),))
    assert not never.fits(alert())
    assert never.fits(replace(alert(), action=Action.ESCALATED))
    elsewhere = replace(never, vendors=frozenset({"other"}))
    assert not elsewhere.fits(replace(alert(), action=Action.ESCALATED))


@pytest.mark.parametrize("time_ns", [-(2**70), 2**80, 0])
def test_any_time_a_capture_may_claim_has_an_hour(time_ns: int) -> None:
    Route(hours=(Hours(WEEKDAYS, 0, 1),), zone=UTC).fits(replace(alert(), time_ns=time_ns))


def test_alerts_about_the_sensor_ignore_routes_that_name_no_kind() -> None:
    elsewhere = Route(vendors=frozenset({"other"}), severities=frozenset({Severity.LOW}))
    assert sensor_wanted((), sensor_alert())
    assert sensor_wanted((elsewhere,), sensor_alert())


def test_kinds_tell_incidents_from_the_sensor() -> None:
    sensor, incident = Route(kinds=frozenset({Kind.SENSOR})), Route(kinds=frozenset({Kind.INCIDENT}))
    assert (sensor.fits_sensor(sensor_alert()), sensor.fits(alert())) == (True, False)
    assert (incident.fits_sensor(sensor_alert()), incident.fits(alert())) == (False, True)
    assert sensor_wanted((incident, sensor), sensor_alert())
    assert not sensor_wanted((incident,), sensor_alert())
    low = replace(sensor, severities=frozenset({Severity.LOW}))
    never = replace(sensor, hours=(Hours(frozenset(), 0, 1),))
    assert not low.fits_sensor(sensor_alert())
    assert not never.fits_sensor(sensor_alert())
