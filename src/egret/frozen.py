"""Frozen values: their classes made in a fifth of the time that ``dataclasses`` takes, and they in a quarter.

``dataclass`` compiles six functions for a frozen class, and forty such classes were an eighth of a start. Here one is
compiled, ``__init__``; the others are the same for all. What it makes is a dataclass all the same, to ``fields``,
``replace``, ``asdict`` and to type checkers.

A frozen dataclass sets each of its fields by a call. An instance of an ``open_class`` is filled while it takes
attributes as any object does, and is then made what it shall be, by its ``__class__``: equal to one that was made the
ordinary way, frozen and all. Every field must be given: there are no defaults.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "open_class"]

_set = object.__setattr__


def open_class(kind: type) -> Any:
    """A class of the same layout as *kind*, a dataclass with slots, whose instances are not frozen."""
    return type(kind.__name__, (kind,), {"__slots__": (), "__setattr__": object.__setattr__})


if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool = False, slots: bool = False, kw_only: bool = False) -> Callable[[type], type]:
        """As ``dataclasses.dataclass``."""
        if not frozen:
            return dataclasses.dataclass(slots=slots, kw_only=kw_only)
        plain = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)
        return lambda kind: _freeze(plain(kind))


def _freeze(kind: type) -> type:
    """Give the class what a frozen dataclass has."""
    fields = dataclasses.fields(kind)
    names = tuple(field.name for field in fields)
    compared = _values_of([field.name for field in fields if field.compare])
    shown = [field.name for field in fields if field.repr]
    every = _values_of(names)

    def equal(self: object, other: object) -> bool:
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def text(self: object) -> str:
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def state(self: object) -> tuple[object, ...]:
        return every(self)

    def restored(self: object, state: tuple[object, ...]) -> None:
        for name, value in zip(names, state, strict=True):
            _set(self, name, value)

    own = {
        "__init__": _maker(kind, fields),
        "__eq__": equal,
        "__hash__": lambda self: hash(compared(self)),
        "__repr__": text,
        "__setattr__": _refuse_value,
        "__delattr__": _refuse_loss,
        "__getstate__": state,
        "__setstate__": restored,
    }
    for name, function in own.items():
        setattr(kind, name, function)
    return kind


def _refuse_value(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_loss(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _values_of(names: Any) -> Callable[[object], tuple[object, ...]]:
    """What gives the values of these fields."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _maker(kind: type, fields: tuple[dataclasses.Field[Any], ...]) -> Any:
    """``__init__``, the one that is called often enough to be compiled."""
    known: dict[str, Any] = {"_set": _set, "_missing": dataclasses.MISSING}
    plain, named, lines = ["self"], list[str](), list[str]()
    for field in fields:
        name, made, has_default = field.name, f"_{field.name}", field.default is not dataclasses.MISSING
        is_made = field.default_factory is not dataclasses.MISSING
        known[made] = field.default_factory if is_made else field.default
        if field.init:
            default = "=_missing" if is_made else f"={made}" if has_default else ""
            (named if field.kw_only else plain).append(name + default)
            value = f"{made}() if {name} is _missing else {name}" if is_made else name
        else:
            value = f"{made}()" if is_made else made
        if field.init or has_default or is_made:
            lines.append(f" _set(self, {name!r}, {value})")
    parameters = ", ".join([*plain, *(["*", *named] if named else [])])
    exec("\n".join([f"def __init__({parameters}):", *lines, " return"]), known)  # noqa: S102 (its text is from our own source)
    known["__init__"].__qualname__ = f"{kind.__qualname__}.__init__"
    return known["__init__"]
