from __future__ import annotations

from pathlib import Path

import pytest

from egret.settings import bundled


def test_an_editable_install_finds_the_repository() -> None:
    assert (bundled.signatures_dir() / "alibaba.yaml").is_file()
    assert bundled.geo_dir().is_dir()


def test_a_wheel_finds_what_it_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "signatures").mkdir(parents=True)
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path)
    assert bundled.signatures_dir() == tmp_path / "data" / "signatures"
    assert bundled.geo_dir() == tmp_path / "data" / "geo"
