from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest

from egret.value import Aside, Struct, asdict, field, replace
from tests.support.alerts import hello, whole_life


class Point(Struct, frozen=True, kw_only=True):
    x: int
    marks: list[str] = field(default_factory=list)


class Letter(Aside, frozen=True, kw_only=True):
    aside = ("stamp",)

    text: str
    stamp: bytes = b""


def test_a_value_is_its_fields() -> None:
    point = Point(x=1)
    assert point == Point(x=1, marks=[])
    assert asdict(replace(point, x=2)) == {"x": 2, "marks": []}
    assert point.marks is not Point(x=1).marks
    with pytest.raises(AttributeError, match="immutable"):
        point.x = 2  # type: ignore[misc]


def test_what_is_aside_is_kept_and_neither_compared_nor_shown() -> None:
    plain, stamped = Letter(text="a"), Letter(text="a", stamp=b"1")
    assert plain == stamped
    assert not plain != stamped  # noqa: SIM202 (``__ne__`` is another slot)
    assert hash(plain) == hash(stamped)
    assert len({plain, stamped, Letter(text="b")}) == 2
    assert repr(stamped) == "Letter(text='a')"
    assert replace(stamped, text="b").stamp == b"1"
    assert asdict(stamped) == {"text": "a", "stamp": b"1"}
    assert plain != Point(x=1)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copy_has_what_is_aside(again: object) -> None:
    assert callable(again)
    assert again(Letter(text="a", stamp=b"1")).stamp == b"1"


@pytest.mark.parametrize("value", [hello(), *whole_life(), *(alert.incident for alert in whole_life())])
def test_whatever_is_made_has_all_its_fields(value: Struct) -> None:
    assert type(value)(**{name: getattr(value, name) for name in value.__struct_fields__}) == value


@pytest.mark.parametrize("first", ["", "import typing_extensions; "])
def test_who_has_the_backports_keeps_them_and_nobody_else_gets_them(first: str) -> None:
    code = f"{first}import sys, egret.value; print({{'typing_extensions', 'inspect'}} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ("typing_extensions" in run.stdout) is ("inspect" in run.stdout) is bool(first)
    assert "None" not in run.stdout
