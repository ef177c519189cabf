from __future__ import annotations

from pathlib import Path

import pytest

from egret.errors import ConfigErrors
from egret.settings.config import Config, load_config


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "egret.yaml"
    path.write_text(text)
    return load_config(path)


def test_an_account_of_maxmind_is_read_and_its_key_never_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    text = f"geoip: {{update: {{source: maxmind, account_id: 7, license_key: 'file:{tmp_path}/key'}}}}\n"
    settings = read(tmp_path, text).geoip.update
    assert settings.license_key is not None
    assert settings.license_key.reveal() == "s3cret"
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in settings.model_dump_json()


@pytest.mark.parametrize(
    "update",
    [
        "{source: maxmind}",
        "{source: maxmind, account_id: 7}",
        "{source: dbip, editions: [../x]}",
        "{license_key: literal}",
        "{source: ftp}",
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, update: str) -> None:
    with pytest.raises(ConfigErrors):
        read(tmp_path, f"geoip: {{update: {update}}}\n")


def test_installed_databases_stand_before_the_bundled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    assert Config().databases == []
    (tmp_path / "state/geoip").mkdir(parents=True)
    (tmp_path / "state/geoip/x.mmdb").touch()
    assert [path.name for path in Config().databases] == ["x.mmdb", "egret-country-asn.mmdb"]
    named = read(tmp_path, "geoip: {databases: [own.mmdb]}\n")
    assert named.databases == [tmp_path / "own.mmdb"]
    alone = read(tmp_path, "geoip: {bundled: false}\n")
    assert [path.name for path in alone.databases] == ["x.mmdb"]
