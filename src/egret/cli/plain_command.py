"""Command lines that need no checking, read without what typer checks by: pydantic, a fifth of a start."""

from __future__ import annotations

from enum import Enum
from typing import Any

from typer import Context
from typer.core import TyperCommand
from typer.exceptions import TyperException

_Values = dict[str, Any]


class PlainCommand(TyperCommand):
    """A command of typer's. What is not plain is typer's to read, to refuse and to explain, help included."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer does, with the same values."""
        plain = self._plain(ctx, args)
        if plain is None:
            return super().parse_args(ctx, args)
        ctx.params.update(plain)
        return []

    def _plain(self, ctx: Context, args: list[str]) -> _Values | None:
        """The value of every parameter; None: one of them is not plain."""
        try:
            given, rest, _ = self.make_parser(ctx).parse_args(list(args))
        except TyperException:
            return None
        values: _Values = {}
        for param in self.get_params(ctx):
            value, _ = param.consume_value(ctx, given)
            if not param.expose_value:  # --help
                if value:
                    return None
                continue
            try:
                values[param.name] = _value(param, value)
            except ValueError:
                return None
        return None if rest else values


def _value(param: Any, value: Any) -> Any:
    """What typer makes of *value*, from the command line or a default.

    Raises:
        ValueError: typer has to look at it.
    """
    kind = param.type_descriptor.annotation
    if value is None and not param.required:
        return () if param.multiple or param.nargs == -1 else None
    if isinstance(value, bool) and kind is bool:
        return value
    if isinstance(value, str) and kind is str:
        return value
    if isinstance(value, str) and isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if isinstance(value, tuple) and kind == list[str]:
        return list(value)
    raise ValueError
