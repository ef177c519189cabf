from __future__ import annotations

import json
from pathlib import Path

import pytest

from egret.alerts.model import Sensor
from egret.daemon.brokers import broker_sink
from egret.settings.broker_section import KafkaOutput, NatsOutput
from egret.sinks.kafka import KafkaSink
from egret.sinks.nats import NatsSink
from tests.support.alerts import opened, sensor_alert
from tests.support.digest import digest

SENSOR = Sensor("1", "gw")
BASE = {"name": "bus", "servers": ["bus.example:9"], "timeout": "3s"}


def test_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRET_TEST_PASSWORD", "pw")
    more = {"tls": True, "tls_ca": "/ca.pem", "username": "me", "password": "env:EGRET_TEST_PASSWORD", "topic": "t"}
    sink = broker_sink(KafkaOutput.model_validate(BASE | more), SENSOR)
    assert isinstance(sink, KafkaSink)
    options = sink._options
    assert (options.name, options.servers, options.topic, options.timeout_s) == ("bus", ("bus.example:9",), "t", 3.0)
    assert options.tls is not None
    assert options.tls.ca == Path("/ca.pem")
    assert (options.login.username, options.login.password) == ("me", "pw") if options.login else False
    record = options.form.of(opened())
    assert json.loads(record.body)["event"]["module"] == "egret"
    assert record.content_type == "application/json"
    assert json.loads(options.form.of_day(digest()).body)["event"]["dataset"] == "egret.digest"
    assert json.loads(options.form.about_sensor(sensor_alert()).body)["event"]["dataset"] == "egret.sensor"


def test_nats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRET_TEST_TOKEN", "tok")
    more = {"subject": "s.t", "stream": "alerts", "token": "env:EGRET_TEST_TOKEN", "format": "cef"}
    sink = broker_sink(NatsOutput.model_validate(BASE | more), SENSOR)
    assert isinstance(sink, NatsSink)
    options = sink._options
    assert (options.subject, options.stream, options.token, options.tls, options.login) == (
        "s.t", "alerts", "tok", None, None,
    )  # fmt: skip
    record = options.form.of(opened())
    assert record.body.startswith(b"CEF:0|")
    assert record.content_type.startswith("text/plain")
