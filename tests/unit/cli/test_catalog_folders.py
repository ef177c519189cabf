from __future__ import annotations

from pathlib import Path

from egret.cli.catalog_folders import folders
from egret.settings.bundled import signatures_dir


def test_a_folder_is_on_top_of_the_bundled_one_unless_it_is_whole(tmp_path: Path) -> None:
    assert folders(None) == [signatures_dir()]
    assert folders([tmp_path]) == [signatures_dir(), tmp_path]
    (tmp_path / "_shared.yaml").write_text("")
    assert folders([tmp_path]) == [tmp_path]
