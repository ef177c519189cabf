from __future__ import annotations

from pathlib import Path

import pytest

from egret.daemon.rules import Rules, incident_policy, load_rules, policy
from egret.errors import ConfigErrors
from egret.model import Category, ServiceClass, Severity
from egret.settings.config import Config, load_config


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path / "etc"))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "egret.yaml"
    path.write_text(text)
    return path


def config(tmp_path: Path, text: str) -> Config:
    return load_config(written(tmp_path, text))


def test_the_defaults_are_what_an_empty_configuration_says(tmp_path: Path) -> None:
    (tmp_path / "state/geoip").mkdir(parents=True)
    (tmp_path / "state/geoip/t.mmdb").touch()
    (tmp_path / "etc/signatures.d").mkdir(parents=True)
    rules = load_rules(None)
    assert rules == Rules.of(Config()) == Rules.of(load_config(None)) == Rules.of(config(tmp_path, ""))
    assert rules.signature_folders[-1] == tmp_path / "etc/signatures.d"
    assert tmp_path / "state/geoip/t.mmdb" in rules.databases
    assert rules.store == tmp_path / "state/incidents.db"


def test_what_is_configured_is_a_rule(tmp_path: Path) -> None:
    text = """
catalog: {disabled: [alibaba.dingtalk]}
geoip: {databases: [t.mmdb], bundled: false, geolocate_reserved: true}
alerts: {alternatives: {chat: [Claude]}}
networks: {inside: [192.0.2.0/24], proxies: [198.51.100.9], resolvers: [198.51.100.1]}
clients: {hosts_file: hosts, groups: {lab: [192.0.2.7]}, roles: {nat: [192.0.2.1]}}
volume: {enabled: false}
privacy: {pseudonyms: true, key: env:VEIL}
store: {path: x.db}
"""
    (tmp_path / "t.mmdb").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEIL", "k" * 40)
        rules = load_rules(written(tmp_path, text))
    assert (rules.disabled, rules.databases) == (("alibaba.dingtalk",), (tmp_path / "t.mmdb",))
    assert (rules.bundled_database, rules.geolocate_reserved) == (False, True)
    assert rules.alternatives == {Category.CHAT: ("Claude",)}
    assert (rules.inside, rules.relays) == (("192.0.2.0/24",), ("198.51.100.1/32", "198.51.100.9/32"))
    assert rules.clients is not None
    assert rules.clients.hosts_file == tmp_path / "hosts"
    assert (sorted(rules.groups), len(rules.declared.roles)) == (["lab"], 1)
    assert rules.measured == frozenset()
    assert rules.veil.address("192.0.2.7") != "192.0.2.7"
    assert rules.store == tmp_path / "x.db"


def test_a_file_that_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="unknown option 'storage'"):
        load_rules(written(tmp_path, "storage: 1\n"))


def test_classes_that_can_have_an_incident_are_measured(tmp_path: Path) -> None:
    assert ServiceClass.BROAD not in load_rules(None).measured
    made = Rules.of(config(tmp_path, "severities: {broad: high}\nevidence: {per_incident: 3, keep: 2d}\n"))
    assert made.measured == frozenset(ServiceClass)
    assert (made.bounds.per_incident, made.bounds.keep_ns) == (3, 2 * 86_400 * 10**9)


def test_severities_and_sars_reach_the_judge(tmp_path: Path) -> None:
    text = "severities: {ai: critical}\ngeoip: {count_sars: false}\nalerts: {claims: false}\n"
    made = policy(config(tmp_path, text))
    assert (made.ai, made.count_sars, made.claims) == (Severity.CRITICAL, False, False)


def test_alerts_settings_reach_the_incidents(tmp_path: Path) -> None:
    text = """
alerts:
  update_every: 90m
  close_after: 1500ms
  alert_from: medium
  suppress:
    - {client: 192.0.2.0/24, service: alibaba.dingtalk, until: 1970-01-02T00:00:00Z, reason: partner}
    - {service: Alibaba}
"""
    made = incident_policy(config(tmp_path, text))
    assert (made.update_every_ns, made.close_after_ns) == (5400 * 10**9, 1_500_000_000)
    assert made.alert_from is Severity.MEDIUM
    first, second = made.suppress
    assert (first.client, first.service, first.until_ns) == ("192.0.2.0/24", "alibaba.dingtalk", 86_400 * 10**9)
    assert (second.client, second.until_ns) == (None, None)


def test_classes_below_the_threshold_are_counted_and_not_looked_up_either(tmp_path: Path) -> None:
    made = incident_policy(config(tmp_path, "alerts: {alert_from: medium}\n"))
    assert made.counted == {ServiceClass.BROAD, ServiceClass.CLOUD, ServiceClass.RESOLVER}


def test_incidents_link_to_the_page_where_there_is_one(tmp_path: Path) -> None:
    said = "http: {public_url: https://egret.example"
    assert incident_policy(config(tmp_path, f"{said}}}\n")).page == "https://egret.example"
    assert incident_policy(config(tmp_path, f"{said}, enabled: false}}\n")).page is None
    assert incident_policy(Config()).page is None
