"""The tree keeps its own rules: a test beside every module, files short, nothing of this machine in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

NO_TEST_OF_ITS_OWN = frozenset(
    {
        # main entry points that only call what is tested elsewhere
        "__main__",
    }
)
MAX_LINES = 420


def modules(repository: Path) -> set[str]:
    root = repository / "src/egret"
    paths = (path.relative_to(root).with_suffix("") for path in root.rglob("*.py") if path.name != "__init__.py")
    return {str(path) for path in paths}


def unit_tests(repository: Path) -> set[str]:
    root = repository / "tests/unit"
    return {str(path.relative_to(root).with_name(path.stem.removeprefix("test_"))) for path in root.rglob("test_*.py")}


def tracked(repository: Path) -> list[Path]:
    command = ["git", "-C", str(repository), "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [path for name in listing.splitlines() if (path := repository / name).is_file()]


def test_every_module_has_a_unit_test(repository: Path) -> None:
    assert modules(repository) - unit_tests(repository) - NO_TEST_OF_ITS_OWN == set()


def test_every_unit_test_has_a_module(repository: Path) -> None:
    assert unit_tests(repository) - modules(repository) == set()


def test_no_file_has_outgrown_one_idea(repository: Path) -> None:
    long = {
        str(p.relative_to(repository)): n
        for p in tracked(repository)
        if p.suffix == ".py" and (n := count(p)) > MAX_LINES
    }
    assert long == {}


def count(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.parametrize(
    "forbidden",
    [
        r"--?(extra-)?index(-url)?[ =]",
        r'"resolved": *"http',
        r"\b(TODO|FIXME|XXX|HACK)\b",
        "/work" + "/main",
    ],
)
def test_nothing_that_may_not_be_committed(repository: Path, forbidden: str) -> None:
    here = Path(__file__)
    texts = {".py", ".sh", ".yml", ".yaml", ".toml", ".md", ".txt", ".json", ""}
    hits = [
        str(path.relative_to(repository))
        for path in tracked(repository)
        if path != here and path.suffix in texts and re.search(forbidden, path.read_text(errors="replace"))
    ]
    assert hits == []


def test_what_only_keeps_a_test_from_hanging_is_as_long_as_elsewhere(repository: Path) -> None:
    """A limit of seconds is too short for a host that stalls, and too long for what is to time out."""
    seconds = re.compile(r"(\.(wait|join|settimeout|result)\(|wait_for\(.*, )([1-9]|[1-5]\d)(\.\d+)?\)")
    short = [
        f"{path.relative_to(repository)}: {found[0]}"
        for path in tracked(repository)
        if path.suffix == ".py" and path.is_relative_to(repository / "tests")
        for found in seconds.finditer(path.read_text())
    ]
    assert short == [], "use PATIENCE_S of tests/support/patience.py"
