from __future__ import annotations

import pytest

from egret.judge.alternatives import preferring
from egret.model import Category, ServiceClass
from egret.value import replace
from tests.support.judge import SIGNATURE

THEIRS = replace(SIGNATURE, alternatives=("Other Chat",))


@pytest.mark.parametrize(
    ("by_category", "service_class", "expected"),
    [
        ({}, ServiceClass.AI, ("Other Chat",)),
        ({Category.API: ["x"]}, ServiceClass.AI, ("Other Chat",)),
        ({Category.CHAT: ["Our Chat", "A"]}, ServiceClass.AI, ("Our Chat", "A")),
        ({Category.CHAT: []}, ServiceClass.EMBEDDED, ()),
        ({Category.CHAT: ["Our Chat"]}, ServiceClass.CLOUD, ("Other Chat",)),
    ],
)
def test_the_operators_word_goes_first(
    by_category: dict[Category, list[str]], service_class: ServiceClass, expected: tuple[str, ...]
) -> None:
    assert preferring(replace(THEIRS, service_class=service_class), by_category).alternatives == expected
