from __future__ import annotations

from pathlib import Path

import pytest

from egret.daemon.grounds import load_grounds
from egret.daemon.rules import Rules, load_rules
from egret.errors import ConfigErrors, GeoError
from egret.geo import database
from egret.geo.database import Content, read_files
from egret.settings.config import Config, load_config


def config(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "egret.yaml"
    path.write_text(text)
    return load_config(path)


def test_what_the_defaults_know() -> None:
    grounds = load_grounds(load_rules(None))
    assert grounds.catalog.match_name("chat.qwen.ai") is not None
    assert grounds.geo.lookup(bytes([8, 8, 8, 8])) is not None
    assert load_grounds(load_rules(None), grounds.geo).geo is grounds.geo


def test_what_is_bundled_is_opened_when_a_place_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = 0

    def read() -> list[Content]:
        nonlocal opened
        opened += 1
        return read_files()

    monkeypatch.setattr(database, "read_files", read)
    grounds = load_grounds(load_rules(None), late=True)
    assert grounds.judge.hosting(bytes([203, 0, 113, 1])) == load_grounds(load_rules(None)).judge.hosting(b"\x0a\0\0\1")
    assert opened == 0
    assert grounds.geo.lookup(bytes([8, 8, 8, 8])) is not None
    assert grounds.geo.lookup(bytes([1, 1, 1, 1])) is not None
    assert opened == 1


def test_a_bundled_database_that_is_not_there_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "geo_dir", lambda: tmp_path)
    with pytest.raises(GeoError, match="no such file; install Egret again"):
        load_grounds(load_rules(None), late=True)


def test_databases_that_were_chosen_are_opened_at_once(tmp_path: Path) -> None:
    (tmp_path / "odd.mmdb").write_bytes(b"odd")
    with pytest.raises(GeoError, match="no MaxMind DB file"):
        load_grounds(Rules.of(config(tmp_path, f"geoip: {{databases: [{tmp_path}/odd.mmdb]}}\n")), late=True)


def test_what_the_operator_would_rather_have_is_in_the_catalogue(tmp_path: Path) -> None:
    grounds = load_grounds(Rules.of(config(tmp_path, "alerts: {alternatives: {chat: [Our own]}}\n")))
    found = grounds.catalog.match_name("chat.qwen.ai")
    assert found is not None
    assert found.signature.alternatives == ("Our own",)


def test_a_missing_database_or_catalogue_is_said(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="no such file"):
        load_grounds(Rules.of(config(tmp_path, f"geoip: {{databases: [{tmp_path}/none.mmdb]}}\n")))
    with pytest.raises(ConfigErrors, match="no such folder"):
        load_grounds(Rules.of(config(tmp_path, f"catalog: {{directories: [{tmp_path}/none]}}\n")))


def test_works_with_no_database_at_all(tmp_path: Path) -> None:
    grounds = load_grounds(Rules.of(config(tmp_path, "geoip: {bundled: false}\n")))
    assert grounds.geo.info() == []
    assert grounds.judge.prc_network(bytes([1, 2, 4, 8])) is None
