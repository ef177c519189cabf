from __future__ import annotations

from pathlib import Path

import pytest

from egret.daemon.setup import (
    equipment,
    incident_policy,
    inside_networks,
    load_knowledge,
    policy,
    relays,
)
from egret.errors import ConfigErrors, GeoError
from egret.model import ServiceClass, Severity
from egret.settings.config import Config, load_config
from egret.sources.placement import Placement
from tests.support.geo import write_mmdb

PLACE = Placement(("lan0",), ("lan0: as asked",), ("192.0.2.0/24",), frozenset({"lan0"}))


def config(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "egret.yaml"
    path.write_text(text)
    return load_config(path)


def test_the_defaults_know_the_bundled_catalogue_and_database() -> None:
    knowledge = load_knowledge(Config())
    assert knowledge.catalog.match_name("chat.qwen.ai") is not None
    assert knowledge.geo.lookup(bytes([8, 8, 8, 8])) is not None  # a look-up in a file


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


def test_a_missing_database_or_catalogue_is_said(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="no such file"):
        load_knowledge(config(tmp_path, f"geoip: {{databases: [{tmp_path}/none.mmdb]}}\n"))
    with pytest.raises(ConfigErrors, match="no such folder"):
        load_knowledge(config(tmp_path, f"catalog: {{directories: [{tmp_path}/none]}}\n"))


def test_works_with_no_database_at_all(tmp_path: Path) -> None:
    knowledge = load_knowledge(config(tmp_path, "geoip: {bundled: false}\n"))
    assert knowledge.geo.info() == []
    assert knowledge.judge.prc_network(bytes([1, 2, 4, 8])) is None


def test_classes_below_the_threshold_are_counted_and_not_looked_up_either(tmp_path: Path) -> None:
    made = incident_policy(config(tmp_path, "alerts: {alert_from: medium}\n"))
    assert made.counted == {ServiceClass.BROAD, ServiceClass.CLOUD, ServiceClass.RESOLVER}


def test_clients_are_the_interfaces_networks_and_private_ones_unless_configured(tmp_path: Path) -> None:
    assert inside_networks(Config(), PLACE)[0] == "192.0.2.0/24"
    assert "10.0.0.0/8" in inside_networks(Config(), PLACE)
    made = config(
        tmp_path, 'networks: {inside: ["198.51.100.0/24"], proxies: [198.51.100.9], resolvers: [198.51.100.1]}\n'
    )
    assert inside_networks(made, PLACE) == ("198.51.100.0/24",)
    assert relays(made) == ("198.51.100.1/32", "198.51.100.9/32")


def test_databases_that_did_not_change_are_not_opened_again_nor_sent(tmp_path: Path) -> None:
    first = load_knowledge(Config())
    again = load_knowledge(Config(), first.geo)
    assert again.geo is first.geo
    assert equipment(again, ("192.0.2.0/24",), 1, first.geo).databases is None


def test_another_database_is_sent_and_one_that_changes_meanwhile_is_not(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "t.mmdb")
    settings = config(tmp_path, f"geoip: {{databases: [{path}], geolocate_reserved: true}}\n")
    first = load_knowledge(Config())
    other = load_knowledge(settings, first.geo)
    sent = equipment(other, ("192.0.2.0/24",), 1, first.geo)
    assert [content.path for content in sent.databases or ()] == [path]
    assert sent.proves
    write_mmdb(path, description="newer")
    with pytest.raises(GeoError, match="changed while"):
        equipment(other, (), 2, first.geo)


def test_incidents_link_to_the_page_where_there_is_one(tmp_path: Path) -> None:
    said = "http: {public_url: https://egret.example"
    assert incident_policy(config(tmp_path, f"{said}}}\n")).page == "https://egret.example"
    assert incident_policy(config(tmp_path, f"{said}, enabled: false}}\n")).page is None
    assert incident_policy(Config()).page is None
