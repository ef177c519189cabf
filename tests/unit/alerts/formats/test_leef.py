from __future__ import annotations

from egret.alerts.formats.leef import alert_to_leef
from egret.alerts.model import Sensor
from egret.model import IdentitySource
from egret.value import replace
from tests.support.alerts import alerts_of, check_golden, hostile, lookup, opened, whole_life
from tests.support.lines import read_leef

SENSOR = Sensor("1.2.3", "gw.example")


def test_golden(update_golden: bool) -> None:
    check_golden("life.leef", "".join(f"{alert_to_leef(a, SENSOR)}\n" for a in whole_life()), update=update_golden)


def test_header_and_attributes() -> None:
    head, attributes = read_leef(alert_to_leef(opened(), SENSOR))
    assert head == ["LEEF:2.0", "Egret", "egret", "1.2.3", "example.chat", "^"]
    assert (attributes["src"], attributes["dst"], attributes["dstPort"]) == ("192.0.2.7", "203.0.113.9", "443")
    assert (attributes["operatorCountry"], attributes["operatorContested"]) == ("CN", "false")
    assert attributes["communityId"] == opened().incident.community_id
    assert "dst" not in read_leef(alert_to_leef(alerts_of(lookup())[0], SENSOR))[1]


def test_a_value_holds_no_delimiter() -> None:
    evil = replace(opened(), incident=replace(opened().incident, vendor="a^sev=1|b\tc"))
    assert read_leef(alert_to_leef(evil, SENSOR))[1]["vendor"] == r"a\x5esev=1\x7cb\x09c"


def test_only_a_name_of_the_operators_own_is_an_asset() -> None:
    named = replace(opened().incident, client_name="desk", client_name_source=IdentitySource.LEASE)
    attributes = read_leef(alert_to_leef(replace(opened(), incident=named), SENSOR))[1]
    assert attributes["client"] == "desk"
    assert "identHostName" not in attributes
    static = replace(named, client_name_source=IdentitySource.STATIC)
    attributes = read_leef(alert_to_leef(replace(opened(), incident=static), SENSOR))[1]
    assert (attributes["identHostName"], attributes["identSrc"]) == ("desk", "192.0.2.7")


def test_nothing_hostile_gets_through_and_it_fits() -> None:
    line = alert_to_leef(hostile(), SENSOR, 700)
    assert line.isprintable()
    assert len(line.encode()) <= 700
    assert read_leef(line)[1]["incident"] == hostile().incident.id
