from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, dataclass, fields

import pytest

from egret.frozen import open_class
from tests.support.alerts import hello, whole_life


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    number: int
    text: str = ""


def test_it_is_what_its_constructor_makes() -> None:
    made = object.__new__(open_class(Value))
    made.number, made.text = 1, "one"
    made.__class__ = Value
    assert type(made) is Value
    assert made == Value(number=1, text="one")
    assert pickle.loads(pickle.dumps(made)) == made
    with pytest.raises(FrozenInstanceError):
        setattr(made, "number", 2)  # noqa: B010 (mypy knows that it cannot be set)


def test_until_then_it_is_as_open_as_any_object() -> None:
    """With either method frozen still, Python would call the other for every attribute that is set."""
    made = object.__new__(open_class(Value))
    made.number = 1
    del made.number
    assert not hasattr(made, "number")


@pytest.mark.parametrize("value", [hello(), *whole_life(), *(alert.incident for alert in whole_life())])
def test_whatever_is_made_so_has_all_its_fields(value: object) -> None:
    assert type(value)(**{field.name: getattr(value, field.name) for field in fields(value)}) == value  # type: ignore[arg-type]
