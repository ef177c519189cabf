"""``NamedTuple`` as in ``typing``, whose classes are made without compiling anything for them.

Python compiles a constructor for each class and every one of its annotations: a sixth of a millisecond a class, and a
replay has ninety. Here classes with as many fields share the code of their constructor, each under its own names, and
annotations stay the words that they are under ``from __future__ import annotations``. Instances are made, read and
unpacked as fast as the others (tests/unit/test_tuples.py holds both to the same).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what checks types knows typing's own
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 (given to others)
else:
    from collections import _tuplegetter
    from collections.abc import Iterable
    from functools import cache
    from types import CodeType, FunctionType
    from typing import Any

    @cache
    def _code(size: int) -> CodeType:
        """Of what makes a tuple of so many values; in words of our own, as ``collections`` has it."""
        values = "".join(f"_{number}, " for number in range(size))
        return eval(f"lambda _cls, {values}: _made(_cls, ({values}))").__code__  # noqa: S307

    def _constructor(owner: str, fields: tuple[str, ...], defaults: tuple[object, ...]) -> FunctionType:
        code = _code(len(fields)).replace(co_name="__new__", co_varnames=("_cls", *fields))
        made = FunctionType(code, {"_made": tuple.__new__}, "__new__", defaults)
        made.__qualname__ = f"{owner}.__new__"  # as it is named where arguments are wrong
        return made

    class _Meta(type):
        """Makes of a class's body what ``typing`` makes of it."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            defaults = {field: body[field] for field in fields if field in body}
            if tuple(defaults) != fields[len(fields) - len(defaults) :]:
                raise TypeError(f"{name}: a field without a default follows one that has one")
            made = _METHODS | body
            made |= {"__slots__": (), "__match_args__": fields, "_fields": fields, "_field_defaults": defaults}
            made |= {field: _tuplegetter(place, None) for place, field in enumerate(fields)}
            made["__new__"] = _constructor(name, fields, tuple(defaults.values()))
            return type(name, (tuple,), made)

    class NamedTuple(metaclass=_Meta):
        """What is inherited from; see ``typing.NamedTuple``."""

        @classmethod
        def _make(cls, values: Iterable[Any]) -> Any:
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, /, **changed: Any) -> Any:
            made = self._make(map(changed.pop, self._fields, self))
            if changed:
                raise ValueError(f"Got unexpected field names: {list(changed)!r}")
            return made

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            values = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({values})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

    _METHODS = {name: vars(NamedTuple)[name] for name in ("_make", "_replace", "_asdict", "__repr__", "__getnewargs__")}
