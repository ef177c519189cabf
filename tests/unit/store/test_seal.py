from __future__ import annotations

import stat
from pathlib import Path

import pytest

from egret.errors import StoreError
from egret.settings.ed25519 import new_pair
from egret.store.seal import Seal, Sealed, check

RECORD = {"b": 1, "a": ["x", {"z": None}]}


def test_the_key_is_made_once_and_is_for_its_user_alone(tmp_path: Path) -> None:
    seal = Seal(tmp_path)
    assert seal.known() is None
    sealed = seal.put(RECORD)
    assert check(sealed, seal.known()) is Sealed.BY_US
    assert Seal(tmp_path).put(RECORD) == sealed
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"evidence.key": 0o600, "evidence.pub": 0o644}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"b": 2}, Sealed.BROKEN),
        ({"c": 3}, Sealed.BROKEN),
        ({"seal": None}, Sealed.NOT),
        ({"seal": {"by": "x"}}, Sealed.BROKEN),
        ({"seal": {"by": new_pair()[1], "ed25519": "AA=="}}, Sealed.BROKEN),
        ({}, Sealed.BY_US),
    ],
)
def test_any_change_shows(tmp_path: Path, change: dict[str, object], says: Sealed) -> None:
    seal = Seal(tmp_path)
    assert check({**seal.put(RECORD), **change}, seal.known()) is says


def test_the_order_of_fields_is_no_change_and_another_key_is_said(tmp_path: Path) -> None:
    seal = Seal(tmp_path)
    sealed = seal.put(RECORD)
    assert check(dict(reversed(sealed.items())), seal.known()) is Sealed.BY_US
    assert check(sealed, new_pair()[1]) is Sealed.BY_OTHERS
    assert check(sealed, None) is Sealed.BY_OTHERS


@pytest.mark.parametrize("text", ["", "no key", "\xff" * 300])
def test_a_key_that_is_none_is_an_error_and_never_replaced(tmp_path: Path, text: str) -> None:
    Seal(tmp_path).put(RECORD)
    (tmp_path / "evidence.key").write_text(text)
    with pytest.raises(StoreError, match=r"evidence\.key.*mend or remove"):
        Seal(tmp_path).put(RECORD)


def test_half_a_pair_from_a_start_that_was_cut_short_is_replaced(tmp_path: Path) -> None:
    Seal(tmp_path).put(RECORD)
    (tmp_path / "evidence.pub").unlink()
    seal = Seal(tmp_path)
    assert check(seal.put(RECORD), seal.known()) is Sealed.BY_US
