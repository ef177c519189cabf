from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from egret.settings import bundled


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An Egret with one signature file, and a disk that refuses what is below ``tmp_path`` once ``gone`` is there."""
    folder = tmp_path / "signatures"
    folder.mkdir()
    (folder / "a.yaml").write_bytes(b"0123456789")
    (folder / "below").mkdir()
    monkeypatch.setattr(bundled, "_SIGNATURES", folder)
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path)
    monkeypatch.setattr(bundled, "_held", {})
    gone = tmp_path / "gone"

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    class Access:
        R_OK = 4

        @staticmethod
        def access(path: Path, mode: int) -> bool:
            return not gone.exists()

    monkeypatch.setattr(bundled, "os", Access)
    with bundled.held():
        gone.touch()
        monkeypatch.setattr(Path, "open", refuse)
        monkeypatch.setattr(Path, "iterdir", refuse)
    yield folder
    monkeypatch.undo()


def test_an_editable_install_finds_the_repository() -> None:
    assert (bundled.signatures_dir() / "alibaba.yaml").is_file()
    assert bundled.geo_dir().is_dir()


def test_a_wheel_finds_what_it_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "signatures").mkdir(parents=True)
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path)
    assert bundled._signatures(tmp_path) == tmp_path / "data" / "signatures"
    assert bundled.geo_dir() == tmp_path / "data" / "geo"


def test_what_is_out_of_reach_after_the_rights_are_gone_is_as_it_was_before(shipped: Path) -> None:
    assert bundled.entries(shipped) == [shipped / "a.yaml"]
    assert bundled.read(shipped / "a.yaml") == b"0123456789"
    assert bundled.read(shipped / "a.yaml", 4) == b"0123"
    assert bundled.is_held(shipped / "a.yaml")


def test_what_did_not_ship_with_egret_stays_out_of_reach(shipped: Path) -> None:
    with pytest.raises(PermissionError):
        bundled.read(shipped / "b.yaml")
    with pytest.raises(PermissionError):
        bundled.entries(shipped.parent)


def test_what_can_be_read_is_read_and_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "_held", {})
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path)  # without databases
    with bundled.held():
        pass
    assert not bundled._held
    (tmp_path / "b").write_bytes(b"abc")
    (tmp_path / "a").touch()
    assert bundled.read(tmp_path / "b", 2) == b"ab"
    assert bundled.entries(tmp_path) == [tmp_path / "a", tmp_path / "b"]
