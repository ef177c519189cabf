from __future__ import annotations

from pathlib import Path

import pytest

from egret.daemon.rules import Rules
from egret.daemon.setup import equipment, inside_networks, load_knowledge
from egret.errors import GeoError
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


def test_clients_are_the_interfaces_networks_and_private_ones_unless_configured(tmp_path: Path) -> None:
    assert inside_networks(Config(), PLACE)[0] == "192.0.2.0/24"
    assert "10.0.0.0/8" in inside_networks(Config(), PLACE)
    made = config(
        tmp_path, 'networks: {inside: ["198.51.100.0/24"], proxies: [198.51.100.9], resolvers: [198.51.100.1]}\n'
    )
    assert inside_networks(made, PLACE) == ("198.51.100.0/24",)
    assert Rules.of(made).relays == ("198.51.100.1/32", "198.51.100.9/32")


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
