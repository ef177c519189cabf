from __future__ import annotations

from egret.catalog.located import Located
from egret.errors import Position
from tests.support.catalog import signature


def test_places_are_optional_but_for_its_own() -> None:
    located = Located(signature=signature("a.b", "exact:a.b"), place=Position("f", 1, 1))
    assert located.hosts == ()
    assert located.distinct_from == frozenset()
