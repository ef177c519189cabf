from __future__ import annotations

import logging

import pytest

from egret.alerts.sensor import Probe, Problem, Turn
from egret.telemetry import Telemetry
from egret.telemetry.table import Outcome
from tests.support.alerts import sensor_alert


@pytest.fixture
def telemetry() -> Telemetry:
    made = Telemetry("test")
    made.sinks(["soc"])
    return made


def test_every_series_exists_at_zero(telemetry: Telemetry) -> None:
    text = telemetry.exposition().decode()
    for problem in Problem:
        assert f'egret_sensor_problems{{problem="{problem}"}} 0.0' in text
        for turn in Turn:
            assert f'egret_sensor_alerts_total{{problem="{problem}",turn="{turn}"}} 0.0' in text
    for probe in Probe:
        assert f'egret_canary_missed_total{{probe="{probe}"}} 0.0' in text
    assert 'egret_sensor_deliveries_total{outcome="dropped",sink="soc"} 0.0' in text


def test_the_canary(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    telemetry.canary_sent(Probe.TLS)
    telemetry.canary_heard(1_700_000_000.5, 0.25)
    assert telemetry.value("egret_canary_last_seen_timestamp_seconds") == 1_700_000_000.5
    assert telemetry.value("egret_canary_latency_seconds") == 0.25
    telemetry.canary_missed(Probe.TLS, "nobody heard it")
    assert telemetry.value("egret_canary_missed_total", "tls") == telemetry.value("egret_canary_sent_total", "tls") == 1
    assert "canary_missed" in caplog.text


def test_problems_and_their_end(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    telemetry.sensor_alert(sensor_alert(1))
    telemetry.sensor_alert(sensor_alert(2))
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.INFO]
    telemetry.sensor_problems({Problem.LINK_DOWN: 2})
    assert telemetry.value("egret_sensor_problems", "link_down") == 2
    telemetry.sensor_problems({})
    assert telemetry.value("egret_sensor_problems", "link_down") == 0


def test_their_deliveries(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    telemetry.sensor_delivery("soc", Outcome.DELIVERED)
    assert not caplog.records
    telemetry.sensor_delivery("soc", Outcome.FAILED, "HTTP 503")
    assert "sensor_delivery_failed" in caplog.text
    assert telemetry.value("egret_sensor_deliveries_total", "soc", "failed") == 1
