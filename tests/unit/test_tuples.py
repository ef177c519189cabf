"""Named tuples of ours are those of ``typing`` in all that anybody can tell."""

from __future__ import annotations

import copy
import pickle
import timeit
import typing
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from egret.tuples import NamedTuple


class Ours(NamedTuple):
    """Three fields."""

    first: int
    second: str = "two"
    third: tuple[int, ...] | None = None

    @property
    def doubled(self) -> int:
        """Something more."""
        return self.first * 2


class Theirs(typing.NamedTuple):
    """Three fields."""

    first: int
    second: str = "two"
    third: tuple[int, ...] | None = None

    @property
    def doubled(self) -> int:
        """Something more."""
        return self.first * 2


class One(NamedTuple):
    only: int


class Nothing(NamedTuple):
    pass


WAYS: list[Callable[[Any], object]] = [
    lambda kind: tuple(kind(1)),
    lambda kind: tuple(kind(1, "x", (3,))),
    lambda kind: tuple(kind(third=None, first=5)),
    lambda kind: kind(2).doubled,
    lambda kind: (kind(1).first, kind(1).second, kind(1).third),
    lambda kind: kind(1)[1:],
    lambda kind: kind(1) == kind(1, "two"),
    lambda kind: hash(kind(1)),
    lambda kind: kind(1) < kind(2),
    lambda kind: tuple(kind(1)._replace(second="y")),
    lambda kind: kind(1)._replace(fourth=4),
    lambda kind: tuple(kind._make([1, "x", None])),
    lambda kind: kind._make([1]),
    lambda kind: kind(1)._asdict(),
    lambda kind: kind._fields,
    lambda kind: kind._field_defaults,
    lambda kind: kind.__match_args__,
    lambda kind: kind.__doc__,
    lambda kind: kind.__bases__,
    lambda kind: kind.__module__,
    get_type_hints,
    lambda kind: repr(kind(1, "x")).removeprefix(kind.__name__),
    lambda kind: kind(),
    lambda kind: kind(1, "x", None, 4),
    lambda kind: kind(1, fourth=4),
    lambda kind: kind(1, first=1),
    lambda kind: setattr(kind(1), "first", 2),
    lambda kind: setattr(kind(1), "other", 2),
    lambda kind: type(kind("any").first),
    lambda kind: kind.__new__.__qualname__.removeprefix(kind.__name__),
    lambda kind: kind.__new__.__defaults__,
]


def outcome(way: Callable[[Any], object], kind: type) -> object:
    try:
        return way(kind)
    except (TypeError, ValueError, AttributeError) as error:
        return type(error), str(error).replace(kind.__name__, "Kind")


@pytest.mark.parametrize("number", range(len(WAYS)))
def test_it_does_what_theirs_does(number: int) -> None:
    assert outcome(WAYS[number], Ours) == outcome(WAYS[number], Theirs)


def test_it_can_be_copied_pickled_and_matched() -> None:
    value = Ours(1, third=(2,))
    for made in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert type(made) is Ours
        assert made == value
    match value:
        case Ours(first, second=second):
            assert (first, second) == (1, "two")
    assert not hasattr(value, "__dict__")


def test_one_field_and_none() -> None:
    assert One(1) == (1,)
    assert repr(One(only=1)) == "One(only=1)"
    assert Nothing() == ()


def test_a_default_in_the_midst_is_refused() -> None:
    with pytest.raises(TypeError, match="follows"):
        exec("class Wrong(NamedTuple):\n    first: int = 1\n    second: int")


@pytest.mark.parametrize("use", ["kind(1)", "kind(1, third=None)", "value.second"])
def test_it_is_as_fast_as_theirs(use: str) -> None:
    def least(kind: type) -> float:
        return min(timeit.repeat(use, globals={"kind": kind, "value": kind(1)}, number=2_000, repeat=50))

    assert any(least(Ours) <= least(Theirs) * 1.1 for _ in range(10))
