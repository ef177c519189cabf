from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from egret.cli import catalog_update
from egret.cli.catalog import app
from egret.cli.catalog_update import beside
from egret.errors import ConfigError, UpdateError
from tests.support.bundles import PUBLIC, catalogue, signed


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setattr("time.time", lambda: 1_795_305_600.0)  # 2026-11-22
    file = tmp_path / "egret.yaml"
    file.write_text(f"catalog: {{update: {{public_keys: ['{PUBLIC}']}}}}\n")
    return file


def run(config: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(app, ["update", "-c", str(config), *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def bundle(tmp_path: Path, version: int = 1) -> str:
    data, signature = signed(catalogue(tmp_path / "source"), version)
    file = tmp_path / "catalogue.json"
    file.write_bytes(data)
    Path(f"{file}.sig").write_text(signature)
    return str(file)


def test_from_a_file_and_back(config: Path, tmp_path: Path) -> None:
    installed = run(config, bundle(tmp_path))
    assert "installed version 1" in installed.stdout
    assert str(tmp_path / "state/catalogue/v1") in installed.stdout
    assert "within seconds" in installed.stderr
    assert "0 signatures differ" in run(config, bundle(tmp_path, 2)).stdout
    assert "catalogue/v1)" in run(config, "--rollback").stdout
    assert "the one of this Egret" in run(config, "--rollback").stdout


def test_from_an_address(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, signature = signed(catalogue(tmp_path / "source"))
    served = {"https://a.example/c.json?t=1": data, "https://a.example/c.json.sig?t=1": signature.encode()}
    monkeypatch.setattr(catalog_update, "download", lambda url, _max_bytes: served[url])
    config.write_text(f"catalog: {{update: {{url: 'https://a.example/c.json?t=1', public_keys: ['{PUBLIC}']}}}}\n")
    assert "installed version 1" in run(config).stdout


def test_what_is_missing_is_said(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"set catalog\.update\.url"):
        run(config)
    with pytest.raises(UpdateError, match="No such file"):
        run(config, str(tmp_path / "nothing"))
    monkeypatch.setattr("egret.settings.bundles.MAX_BYTES", 5)
    with pytest.raises(UpdateError, match="more than 5 bytes"):
        run(config, bundle(tmp_path))


def test_the_signature_is_beside_the_bundle() -> None:
    assert beside("https://a.example/c.json") == "https://a.example/c.json.sig"
