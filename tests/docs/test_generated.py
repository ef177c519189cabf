"""What ``make docs`` writes is what is committed."""

from __future__ import annotations

import re

import pytest

from scripts.make_docs import FILES, ROOT


@pytest.mark.parametrize("name", FILES)
def test_the_committed_file_is_the_current_one(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == FILES[name](), "run `make docs`"


def test_the_picture_fetches_nothing() -> None:
    picture = (ROOT / "docs/images/demo.svg").read_text(encoding="utf-8")
    assert re.findall(r"url\((?!#)|href|<script|@import", picture) == []
