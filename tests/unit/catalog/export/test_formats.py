from __future__ import annotations

import pytest

from egret.catalog.export.formats import FORMATS, Format
from tests.support.exports import PLAIN, selection


@pytest.mark.parametrize("name", Format)
def test_every_format_says_which_catalogue_it_is_from(name: Format) -> None:
    made = FORMATS[name](selection(*PLAIN))
    assert "2026.11.22+test" in made.text
    assert made.text.endswith("\n")
    assert made == FORMATS[name](selection(*PLAIN))


@pytest.mark.parametrize("name", Format)
def test_nothing_chosen_is_a_file_all_the_same(name: Format) -> None:
    assert FORMATS[name](selection()).left_out == ()
