from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field, fields
from typing import Any

import pytest

from egret.frozen import dataclass, open_class
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


@pytest.mark.parametrize("value", [hello(), *whole_life(), *(alert.incident for alert in whole_life())])
def test_whatever_is_made_so_has_all_its_fields(value: object) -> None:
    assert type(value)(**{field.name: getattr(value, field.name) for field in fields(value)}) == value  # type: ignore[arg-type]


class Fields:
    first: int
    second: str = "two"
    third: list[int] = field(default_factory=list)
    hidden: bytes = field(default=b"", compare=False, repr=False)
    late: int = field(default=7, init=False)
    made: dict[str, int] = field(default_factory=dict, init=False)


Named: Any = dataclass(frozen=True, slots=True, kw_only=True)(type("Named", (), dict(vars(Fields))))
Placed: Any = dataclass(frozen=True, slots=True)(type("Placed", (), dict(vars(Fields))))


@dataclass(frozen=True, slots=True)
class Single:
    value: tuple[int, ...]


@pytest.mark.parametrize("kind", [Named, Placed])
def test_a_class_is_what_dataclasses_makes(kind: Any) -> None:
    theirs: Any = dataclasses.dataclass(frozen=True, slots=True, kw_only=kind is Named)(
        type(kind.__name__, (), dict(vars(Fields)))
    )
    for given in ({"first": 1}, {"first": 1, "second": "b", "third": [3], "hidden": b"x"}):
        own, other = kind(**given), theirs(**given)
        assert repr(own) == repr(other)
        assert dataclasses.asdict(own) == dataclasses.asdict(other)
        assert own == kind(**given)
        assert own != other
        assert own == dataclasses.replace(own, hidden=b"y")
        assert own != dataclasses.replace(own, first=2)
        assert copy.deepcopy(own) == own
    assert kind.__slots__ == theirs.__slots__
    assert kind.__match_args__ == theirs.__match_args__
    for wrong in (kind, lambda: kind(first=1, more=2)):
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            wrong()


def test_values_are_told_apart_and_found_by_what_they_are() -> None:
    known = {Value(number=1): "one", Single((1, 2)): "single"}
    assert known[Value(number=1)] == "one"
    assert known[Single((1, 2))] == "single"
    assert Value(number=2) not in known
    assert Single((1,)) != Single((1, 2))
    assert pickle.loads(pickle.dumps(Single((4,)))) == Single((4,))


def test_nothing_of_a_value_can_be_changed() -> None:
    value = Value(number=1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'number'"):
        setattr(value, "number", 2)  # noqa: B010 (mypy knows that it cannot be set)
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'text'"):
        delattr(value, "text")
