"""From a parsed document to a pydantic model: every error with its place and what to do, all in one run."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from egret.errors import ConfigError, ConfigErrors, Position
from egret.names import printable
from egret.settings.suggest import suggest

if TYPE_CHECKING:  # who validates a document has read one, and PyYAML with it
    from egret.settings.positions import Document

M = TypeVar("M", bound=BaseModel)
_QUOTED = re.compile(r"'([^']+)'")
_HINTS = {
    "string_type": "put it in quotes",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "list_type": "write a list: [a, b]",
    "tuple_type": "write a list: [a, b]",
    "model_type": "write 'name: value' lines, indented below",
    "dict_type": "write 'name: value' lines, indented below",
}
_SAID = {  # where pydantic speaks of Python
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "model_type": "should be a group of options",
    "dict_type": "should be a group of options",
}


@functools.cache
def _json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Read only: for what the errors of *model* say of its options."""
    return model.model_json_schema()


def validate(model: type[M], document: Document) -> M:
    """Build *model* from *document*; validators find the folder of its file in their context.

    Raises:
        ConfigErrors: every error of the reading and of the validation, in the order of the text.
    """
    errors = list(document.errors)
    try:
        result = model.model_validate(document.value, context={"folder": Path(document.file).absolute().parent})
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True)
        schema = _json_schema(model)
        errors += [_translate(item, document, schema) for item in found]
        raise ConfigErrors(in_order(errors)) from None
    if errors:
        raise ConfigErrors(in_order(errors))
    return result


def in_order(errors: Iterable[ConfigError]) -> list[ConfigError]:
    """*errors* by file, line and column, each said once; those without a place come first."""
    unique = {str(error): error for error in errors}
    nowhere = Position("", 0, 0)
    return sorted(unique.values(), key=lambda e: ((p := e.pos or nowhere).file, p.line, p.column))


def _translate(item: Any, document: Document, schema: Mapping[str, Any]) -> ConfigError:
    kind, path = item["type"], item["loc"]
    name = printable(str(path[-1])) if path and isinstance(path[-1], str) else _dotted(path) or document.file
    if kind == "extra_forbidden":
        place = document.position(path, of_key=True)
        return ConfigError(f"unknown option '{name}'", place, suggest(name, _options(schema, path[:-1])))
    if kind == "missing":
        return ConfigError(f"missing option '{name}'", document.position(path[:-1]), f"add '{name}: ...'")
    place = document.position(path)
    if kind in ("enum", "literal_error"):
        known = _QUOTED.findall(item["ctx"]["expected"])
        given = printable(str(item["input"]))
        return ConfigError(
            f"'{name}' cannot be '{given}'", place, suggest(given, known) or f"one of: {', '.join(known)}"
        )
    if kind == "string_pattern_mismatch":
        pattern = item["ctx"]["pattern"]
        return ConfigError(f"'{name}' cannot be '{printable(item['input'])}'", place, f"it must match {pattern}")
    if kind == "value_error":
        return ConfigError(str(item["ctx"]["error"]), place)
    said = _SAID.get(kind) or item["msg"].replace("Input should", "should")
    return ConfigError(f"'{name}': {said}", place, _HINTS.get(kind))


def _dotted(path: Iterable[str | int]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{printable(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def _options(schema: Mapping[str, Any], path: Iterable[str | int]) -> list[str]:
    """The option names that *schema* knows at *path*."""
    nodes = list(_variants(schema, schema))
    for step in path:
        below = [child for node in nodes for child in _below(node, step)]
        nodes = [variant for child in below for variant in _variants(child, schema)] or nodes
    return [name for node in nodes for name in node.get("properties", {})]


def _below(node: Mapping[str, Any], step: str | int) -> Iterator[Mapping[str, Any]]:
    if step in node.get("properties", {}):
        yield node["properties"][step]
    elif isinstance(step, int) and isinstance(node.get("items"), dict):
        yield node["items"]
    elif isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"]


def _variants(node: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """*node* itself, what its ``$ref`` names, or each of its alternatives."""
    if "$ref" in node:
        yield from _variants(root["$defs"][node["$ref"].rpartition("/")[2]], root)
    elif alternatives := node.get("anyOf") or node.get("oneOf"):
        for alternative in alternatives:
            yield from _variants(alternative, root)
    else:
        yield node
