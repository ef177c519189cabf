from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from egret.sinks.rotation import Rotation
from tests.support.patience import PATIENCE_S


def wait(rotation: Rotation) -> None:
    if rotation._packer is not None:
        rotation._packer.join(PATIENCE_S)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.name: (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
        for path in folder.iterdir()
    }


@pytest.mark.parametrize(("compress", "suffix"), [(False, ""), (True, ".gz")])
def test_the_newest_is_one_and_the_oldest_goes(tmp_path: Path, compress: bool, suffix: str) -> None:
    path = tmp_path / "a"
    rotation = Rotation(path, keep=2, compress=compress)
    for text in "abcd":
        path.write_text(text)
        rotation.rotate()
        wait(rotation)
    assert contents(tmp_path) == {f"a.1{suffix}": "d", f"a.2{suffix}": "c"}
    assert not rotation.is_packing


def test_what_was_not_compressed_before_goes_along(tmp_path: Path) -> None:
    path = tmp_path / "a"
    (tmp_path / "a.1").write_text("old")
    (tmp_path / "a.1.gz.tmp").write_bytes(b"half")
    rotation = Rotation(path, keep=3, compress=True)
    path.write_text("new")
    rotation.rotate()
    wait(rotation)
    assert contents(tmp_path) == {"a.1.gz": "new", "a.2": "old"}


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x")
    (tmp_path / "a.1.gz.tmp").mkdir()  # cannot be written
    rotation = Rotation(path, keep=1, compress=True)
    rotation.rotate()
    wait(rotation)
    assert (tmp_path / "a.1").read_text() == "x"


def test_the_folder_can_be_synced(tmp_path: Path) -> None:
    Rotation(tmp_path / "a", keep=0).sync_folder()
    with pytest.raises(OSError, match="No such"):
        Rotation(tmp_path / "none" / "a", keep=0).sync_folder()
