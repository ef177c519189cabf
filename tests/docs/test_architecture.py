"""ARCHITECTURE.md names what is there: files, functions, methods, rooms."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.support.documents import ROOT, inline_code

PAGE = ROOT / "ARCHITECTURE.md"
NAMED = sorted({code for code in inline_code(PAGE) if re.fullmatch(r"[\w/]+\.py(:[\w.]+)?", code)})


def defined(path: Path) -> set[str]:
    """Every function, class, method and constant of a module, methods as ``Class.method``."""
    found: set[str] = set()
    collect(ast.parse(path.read_text()).body, "", found)
    return found


def collect(body: list[ast.stmt], prefix: str, found: set[str]) -> None:
    for node in body:
        if isinstance(node, ast.ClassDef):
            found.add(prefix + node.name)
            collect(node.body, f"{prefix}{node.name}.", found)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(prefix + node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {prefix + target.id for target in targets if isinstance(target, ast.Name)}


@pytest.mark.parametrize("name", NAMED)
def test_each_name_is_in_the_source(name: str) -> None:
    file, _, symbol = name.partition(":")
    path = ROOT / "src/egret" / file
    assert path.is_file()
    assert not symbol or symbol in defined(path)


def test_the_walk_has_not_become_a_stroll() -> None:
    assert len(NAMED) > 30


def test_every_room_is_on_the_page() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    rooms = {room for layer in contract["layers"] for room in re.split(r"[\s:|]+", layer)} - {"__main__"}
    page = PAGE.read_text()
    assert {room for room in rooms if f"`{room}`" not in page and f"`{room}/`" not in page} == set()
