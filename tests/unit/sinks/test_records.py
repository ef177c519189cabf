from __future__ import annotations

from egret.sinks.records import Login, Record, RecordForm
from tests.support.alerts import opened, sensor_alert
from tests.support.digest import digest

FORM = RecordForm(
    line=lambda alert: f"ü{alert.sequence}",
    warning=lambda alert: alert.turn.value,
    summary=lambda digest: digest.zone,
    content_type="text/x",
)


def test_an_alert_is_keyed_by_its_incident_and_named_by_itself() -> None:
    alert = opened()
    assert FORM.of(alert) == Record(alert.id, alert.incident.id, "ü1".encode(), "text/x")


def test_an_alert_about_the_sensor_is_keyed_by_its_problem() -> None:
    alert = sensor_alert()
    assert FORM.about_sensor(alert) == Record(alert.id, "sensor-link_down", b"raised", "text/x")


def test_a_login_is_not_shown() -> None:
    assert "pw" not in repr(Login("me", "pw"))


def test_a_digest_is_a_record_too() -> None:
    assert FORM.of_day(digest()) == Record(digest().id, "digest", b"UTC", "text/x")
