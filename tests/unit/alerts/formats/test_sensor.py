from __future__ import annotations

import json

from egret.alerts.formats.sensor import sensor_headline, sensor_line, sensor_to_dict, sensor_to_ecs, sensor_to_ocsf
from egret.alerts.model import Sensor
from egret.alerts.sensor import Board, Finding, Problem, SensorAlert
from egret.model import Severity
from tests.support.alerts import HOSTILE
from tests.support.ecs import faults
from tests.support.ocsf import validator

SENSOR = Sensor("1.0", "gw")
DOWN = Finding(
    problem=Problem.OUTPUT_FAILING, subject="soc", severity=Severity.HIGH, text="soc does not answer", advice="look"
)
HOUR = 3600 * 1_000_000_000


def both(finding: Finding = DOWN) -> tuple[SensorAlert, SensorAlert]:
    board = Board()
    raised, over = board.bad(finding, 0), board.good(finding.problem, finding.subject, HOUR)
    assert raised is not None
    assert over is not None
    return raised, over


def test_one_line_for_people() -> None:
    raised, over = both()
    assert sensor_line(raised) == (
        "1970-01-01T00:00:00Z HIGH     raised    sensor output failing: soc does not answer; look"
    )
    assert sensor_headline(over) == (
        "sensor output failing: soc does not answer (over; it stood since 1970-01-01T00:00:00Z)"
    )


def test_nothing_in_it_breaks_a_line() -> None:
    hostile = Finding(problem=DOWN.problem, severity=Severity.LOW, text="a\nb\x1b[31m", advice="\u202e")
    assert all(sensor_line(alert).isprintable() for alert in both(hostile))


def test_our_own_form_tells_it_from_alerts_about_incidents() -> None:
    document = sensor_to_dict(both()[1], SENSOR)
    assert document["kind"] == "sensor"
    assert document["schema"] == "egret.sensor-alert/1"
    assert (document["action"], document["problem"], document["subject"]) == ("recovered", "output_failing", "soc")
    assert document["since"] == "1970-01-01T00:00:00.000000000Z"
    assert json.loads(json.dumps(document)) == document


def test_ecs_has_a_dataset_of_its_own_and_no_client() -> None:
    raised, over = (sensor_to_ecs(alert, SENSOR) for alert in both())
    assert faults(raised) + faults(over) == []
    assert raised["event"]["dataset"] == "egret.sensor"
    assert (raised["event"]["type"], over["event"]["type"]) == (["start"], ["end"])
    assert not {"client", "source", "destination", "rule"} & raised.keys()
    assert raised["egret"]["problem"] == "output_failing"
    assert raised["observer"]["hostname"] == "gw"
    assert "hostname" not in sensor_to_ecs(both()[0], Sensor("1.0"))["observer"]


def test_ocsf_is_an_application_error_until_it_is_over() -> None:
    hostile = Finding(problem=DOWN.problem, subject="a\nb", severity=Severity.LOW, text=HOSTILE, advice=HOSTILE)
    for alert in (*both(), *both(hostile)):
        for sensor in (SENSOR, Sensor("1")):
            validator("application_error").validate(sensor_to_ocsf(alert, sensor))
    raised, over = (sensor_to_ocsf(alert, SENSOR) for alert in both())
    assert (raised["type_uid"], over["type_uid"]) == (600801, 600899)
    assert (raised["status"], over["status"]) == ("Failure", "Success")
    assert raised["metadata"]["correlation_uid"] == over["metadata"]["correlation_uid"] == "output_failing soc"
    assert raised["unmapped"]["egret"] == sensor_to_dict(both()[0], SENSOR)
