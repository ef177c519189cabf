from __future__ import annotations

import os
from pathlib import Path

import pytest

from egret.errors import ConfigErrors
from egret.settings import places
from egret.settings.bundled import geo_dir, signatures_dir
from egret.settings.places import Places, default_config_file, state_directory


def test_where_state_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state_directory() == Path("/var/lib/egret")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    assert state_directory() == tmp_path / ".local/state/egret"
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert state_directory() == Path("/state/egret")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")
    assert state_directory() == Path("/var/lib/one")
    assert Places.here().paths().store == Path("/var/lib/one/incidents.db")


def test_which_file_is_read_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(places, "SYSTEM_CONFIG", tmp_path / "system.yaml")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_config_file() is None
    (tmp_path / "system.yaml").touch()
    assert default_config_file() == tmp_path / "system.yaml"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_config_file() is None
    (tmp_path / "egret").mkdir()
    (tmp_path / "egret/egret.yaml").touch()
    assert default_config_file() == tmp_path / "egret/egret.yaml"


def test_users_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr(Path, "home", homeless)
    assert state_directory() == Path("/var/lib/egret")
    assert default_config_file() is None or default_config_file() == Path("/etc/egret/egret.yaml")


def test_a_home_that_may_not_be_entered_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refused)
    assert default_config_file() is None


def test_named_databases_come_before_those_that_were_fetched_and_the_bundled_one(tmp_path: Path) -> None:
    here = Places(tmp_path, tmp_path, None)
    assert here.databases() == []  # the bundled one, where none is named
    (tmp_path / "geoip").mkdir()
    (tmp_path / "geoip/a.mmdb").touch()
    assert here.databases() == [tmp_path / "geoip/a.mmdb", *geo_dir().glob("*.mmdb")]
    assert here.databases(bundled=False) == [tmp_path / "geoip/a.mmdb"]
    assert here.databases([Path("/x.mmdb")]) == [Path("/x.mmdb")]


def test_an_index_that_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    here = Places(tmp_path, tmp_path, None)
    assert here.signature_folders() == [signatures_dir()]
    (tmp_path / "catalogue").touch()  # no folder at all
    assert here.signature_folders() == [signatures_dir()]
    (tmp_path / "catalogue").unlink()
    (tmp_path / "catalogue").symlink_to("catalogue")
    with pytest.raises(ConfigErrors, match="remove it to use the catalogue that came with Egret"):
        here.signature_folders()
