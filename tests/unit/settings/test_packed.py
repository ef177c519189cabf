from __future__ import annotations

import json

import pytest

from egret.settings.bundled import signatures_dir
from egret.settings.packed import pack, unpack
from egret.settings.signatures import load_located


def test_the_bundled_catalogue_comes_back_as_it_was() -> None:
    signatures = [item.signature for item in load_located([signatures_dir()])]
    again = unpack(json.loads(json.dumps(pack(signatures))))
    assert again == signatures
    assert [type(each.category) for each in again] == [type(each.category) for each in signatures]
    assert hash(again[0]) == hash(signatures[0])


def test_what_is_shared_stands_there_once() -> None:
    signatures = [item.signature for item in load_located([signatures_dir()])]
    assert len(pack(signatures)["reasons"]) == len({reason for each in signatures for reason in each.reasons})


@pytest.mark.parametrize("plain", [{}, [], {"operators": [{"country": "CN"}], "reasons": [], "scopes": []}])
def test_anything_else_is_refused(plain: object) -> None:
    with pytest.raises((LookupError, TypeError)):
        unpack(plain)  # type: ignore[arg-type]
