from __future__ import annotations

from pathlib import Path

import pytest

from egret.errors import UpdateError
from egret.settings.installed import Installed, current, place, read_index
from egret.settings.places import INDEX


def test_without_an_index_it_is_the_one_that_came_with_egret(tmp_path: Path) -> None:
    assert read_index(tmp_path) == Installed()
    assert current(tmp_path) is None
    assert current(tmp_path / "absent") is None


def test_the_index_names_a_folder(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text('{"current": 3}')
    with pytest.raises(UpdateError, match="is gone"):
        current(tmp_path)
    place(tmp_path, 3).mkdir()
    assert current(tmp_path) == tmp_path / "v3"


@pytest.mark.parametrize("text", ["", '{"current": 0}', '{"current": "../../etc"}', '{"odd": 1}'])
def test_a_broken_index_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(UpdateError, match="broken; remove it"):
        read_index(tmp_path)
