from __future__ import annotations

import ast
import sys
from pathlib import Path

from egret.cli.late import LATE, import_late

WORKER = ("catalog", "decode", "geo", "judge", "track", "worker", "sources")  # rooms whose code runs in a worker


def test_they_are_there() -> None:
    import_late()
    assert set(LATE) <= sys.modules.keys()


def test_all_that_a_worker_would_import_late_is_named(repository: Path) -> None:
    files = [path for room in WORKER for path in (repository / "src/egret" / room).rglob("*.py")]
    own_process = "portable_child.py"
    found = {name for path in files if path.name != own_process for name in late(path)}
    assert found | {"encodings.idna"} == set(LATE)  # which names.py has Python find by its name


def late(path: Path) -> set[str]:
    """The modules that functions of a file import."""
    functions = [
        each
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    inside = [each for function in functions for each in ast.walk(function)]
    plain = {alias.name for each in inside if isinstance(each, ast.Import) for alias in each.names}
    return plain | {
        f"{each.module}.{alias.name}" for each in inside if isinstance(each, ast.ImportFrom) for alias in each.names
    }
