from __future__ import annotations

import pytest

from egret.alerts.formats.cef import alert_to_cef
from egret.alerts.model import Sensor
from egret.alerts.veil import Veil
from egret.model import Severity
from egret.settings.pseudonyms import SivPseudonyms
from egret.value import replace
from tests.support.alerts import HOSTILE, alerts_of, check_golden, hello, hostile, lookup, numbered, opened, whole_life
from tests.support.lines import read_by_jc, read_cef

SENSOR = Sensor("1.2.3", "gw.example")
V6 = bytes.fromhex("20010db8000000000000000000000009")


def test_golden(update_golden: bool) -> None:
    check_golden("life.cef", "".join(f"{alert_to_cef(a, SENSOR)}\n" for a in whole_life()), update=update_golden)


def test_the_header_says_who_what_and_how_grave() -> None:
    head, fields = read_cef(alert_to_cef(opened(), SENSOR))
    assert head == ["CEF:0", "Egret", "egret", "1.2.3", "example.chat", "Example Chat (Example)", "8"]
    assert (fields["src"], fields["dst"], fields["dpt"]) == ("192.0.2.7", "203.0.113.9", "443")
    assert (fields["dhost"], fields["externalId"]) == ("chat.example", opened().incident.id)
    assert fields["cs3"] == opened().incident.community_id


DOUBTFUL = [HOSTILE, r"a\=b\\", " src=192.0.2.1", "x cs1Label=y cs1=z", "|8|act=closed", "\\"]


@pytest.mark.parametrize("name", ["chat.example", *DOUBTFUL])
def test_somebody_elses_reader_reads_the_same(name: str) -> None:
    life = whole_life() if name == "chat.example" else alerts_of(hello(name=name), lookup(name=name))
    for line in (alert_to_cef(alert, SENSOR) for alert in life):
        head, fields = read_cef(line)
        read = read_by_jc("cef", line)
        names = ["deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "agentSeverity"]
        assert [str(read[key]) for key in names] == head[1:]
        labels = {key.removesuffix("Label"): label for key, label in fields.items() if key.endswith("Label")}
        said = {labels.get(key, key): value for key, value in fields.items() if not key.endswith("Label")}
        assert {key: str(read.get(key)) for key in said} == said


@pytest.mark.parametrize(("severity", "number"), list(zip(Severity, ("1", "3", "5", "8", "10"), strict=True)))
def test_severities(severity: Severity, number: str) -> None:
    assert read_cef(alert_to_cef(numbered(1, severity)[0], SENSOR))[0][6] == number


def test_addresses_of_version_6_have_fields_of_their_own() -> None:
    _, fields = read_cef(alert_to_cef(alerts_of(hello(client=V6, server=V6))[0], SENSOR))
    assert (fields["c6a2"], fields["c6a3"]) == ("2001:db8::9", "2001:db8::9")
    assert fields["c6a2Label"] == "Source IPv6 Address"
    assert not {"src", "dst"} & set(fields)


def test_a_pseudonym_is_no_address() -> None:
    hidden = replace(opened(), incident=Veil(SivPseudonyms("k" * 32)).hide(opened().incident))
    _, fields = read_cef(alert_to_cef(hidden, SENSOR))
    assert "src" not in fields
    assert fields["shost"].startswith("address~")
    assert "cs3" not in fields


def test_a_look_up_has_no_server() -> None:
    assert not {"dst", "dpt"} & set(read_cef(alert_to_cef(alerts_of(lookup())[0], SENSOR))[1])


def test_nothing_hostile_gets_through() -> None:
    line = alert_to_cef(hostile(), SENSOR)
    assert line.isprintable()
    assert "<script" not in line
    read_cef(line)


def test_the_least_important_makes_room() -> None:
    line = alert_to_cef(hostile(), SENSOR, 900)
    assert len(line.encode()) <= 900
    _, fields = read_cef(line)
    assert fields["externalId"] == hostile().incident.id
    assert "reason" not in fields
