from __future__ import annotations

import pytest

from egret.cli.commands import load


@pytest.mark.parametrize("name", ["observe", "replay"])
def test_how_many_jobs(name: str) -> None:
    option = next(each for each in load(name).params if each.name == "jobs")
    assert (option.opts, option.metavar, option.default) == (["--jobs"], "N|auto", "auto")
