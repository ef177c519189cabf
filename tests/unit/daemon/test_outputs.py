from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from egret.alerts.model import Sensor
from egret.daemon.outputs import make_outputs, preload, wanted_outputs
from egret.errors import ConfigError
from egret.model import Severity
from egret.settings.config import Config, load_config
from egret.sinks import apprise, kafka, nats
from egret.sinks.alertmanager import AlertmanagerSink
from egret.sinks.apprise import AppriseSink
from egret.sinks.webhook import WebhookSink
from tests.support.alerts import Watch, opened

SENSOR = Sensor("0", "test")


def config(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "egret.yaml"
    path.write_text(text)
    return load_config(path)


def test_outputs_are_made_as_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRET_TEST_KEY", "secret")
    text = f"""
outputs:
  terminal: {{enabled: false}}
  file: {{path: {tmp_path}/alerts.jsonl, min_severity: high}}
  webhooks:
    - {{name: soc, url: "https://soc.example/hook", hmac_secret: "env:EGRET_TEST_KEY"}}
"""
    _, deliveries = make_outputs(config(tmp_path, text).outputs, SENSOR, Watch())
    assert [delivery.name for delivery in deliveries] == ["file", "soc"]
    assert [delivery.options.min_severity for delivery in deliveries] == [Severity.HIGH, Severity.MEDIUM]
    assert all(delivery.sink.health() is None for delivery in deliveries)


def test_the_default_output_is_the_terminal() -> None:
    _, deliveries = make_outputs(Config().outputs, SENSOR, Watch())
    assert [delivery.name for delivery in deliveries] == ["terminal"]


def test_an_output_rests_on_its_own_part_of_the_settings(tmp_path: Path) -> None:
    text = "outputs: {{terminal: {{enabled: {}}}, file: {{path: /tmp/x.jsonl, min_severity: {}}}}}\n"
    before = wanted_outputs(config(tmp_path, text.format("true", "high")).outputs)
    after = wanted_outputs(config(tmp_path, text.format("true", "low")).outputs)
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)
    assert len(wanted_outputs(config(tmp_path, text.format("false", "low")).outputs)) == 1


def test_routes_and_spool_reach_the_deliveries(tmp_path: Path) -> None:
    text = """
outputs:
  spool: {max_alerts: 50, max_age: 1h, backoff_cap: 10s}
  routes:
    - {to: [soc], vendors: [Other]}
  webhooks:
    - {name: soc, url: "https://soc.example/hook", template: {text: "${service}: $$"}}
"""
    outputs, (terminal, soc) = make_outputs(config(tmp_path, text).outputs, SENSOR, Watch())
    assert outputs.route(opened()) == ("terminal",)
    for delivery in (terminal, soc):
        options = delivery.options
        assert (options.queue_length, options.max_age_s, options.backoff_cap_s) == (50, 3600.0, 10.0)
    assert isinstance(soc.sink, WebhookSink)
    assert soc.sink._options.render(opened()) == {"text": "Example Chat: $"}


def test_logs_are_outputs_too_and_have_routes(tmp_path: Path) -> None:
    text = """
outputs:
  journal: {enabled: true}
  syslog: [{name: siem, transport: tls, host: siem.example}, {name: here, transport: unix}]
  routes: [{to: [siem, journal], severities: [critical]}]
"""
    _, deliveries = make_outputs(config(tmp_path, text).outputs, SENSOR, Watch())
    assert [delivery.name for delivery in deliveries] == ["terminal", "journal", "siem", "here"]
    assert [delivery.options.backoff_cap_s for delivery in deliveries] == [30, 30, 300, 30]
    assert [delivery.wants(opened()) for delivery in deliveries] == [True, False, False, True]


def test_alertmanagers_and_people_are_told(tmp_path: Path) -> None:
    text = """
outputs:
  terminal: {enabled: false}
  alertmanagers: [{name: am, urls: ["http://am.example:9093"], severity_label: true, min_severity: high}]
  apprise: [{name: people, urls: ["json://soc.example/"]}]
"""
    still = [opened(Severity.LOW).incident]
    _, (am, people) = make_outputs(config(tmp_path, text).outputs, SENSOR, Watch(), lambda: still)
    assert isinstance(am.sink, AlertmanagerSink)
    assert am.sink._options.severity_label
    assert list(am.sink._options.open_now()) == still
    assert not am.sink._options.wants(opened(Severity.LOW))
    assert am.sink._options.wants(opened())
    assert isinstance(people.sink, AppriseSink)
    assert [delivery.sink.health() for delivery in (am, people)] == [None, None]


def test_packages_are_loaded_before_rights_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    for door in (apprise, kafka, nats):
        monkeypatch.setattr(door, "library", partial(loaded.append, door.__name__))
    preload(Config().outputs)
    assert loaded == []
    text = "outputs: {kafka: [{name: a, servers: ['b:9']}], nats: [{name: c, servers: ['b:9']}]}\n"
    settings = config(tmp_path, text).outputs
    preload(settings)
    assert loaded == ["egret.sinks.kafka", "egret.sinks.nats"]

    def missing() -> None:
        raise ImportError

    monkeypatch.setattr(apprise, "library", missing)
    with pytest.raises(ConfigError, match=r"outputs.apprise: its package cannot be read.*restart Egret"):
        preload(config(tmp_path, "outputs: {apprise: [{name: a, urls: ['json://a/']}]}\n").outputs)
    monkeypatch.setattr(kafka, "library", missing)
    preload(settings)
    _, deliveries = make_outputs(settings, SENSOR, Watch())
    assert [delivery.options.send_timeout_s for delivery in deliveries] == [30.0, 11.0, 11.0]
