"""Options and rules for every test: golden updates, root, no skipping in CI, the order of what runs side by side."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A loaded machine is slow, not wrong: a test's time is bounded as a whole, not for each example.
settings.register_profile("egret", deadline=None)
settings.load_profile("egret")

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files from what the code says now")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """What is long is known by its place: a packet's or a salt's random part differs from process to process."""
    most = 16 if isinstance(val, bytes) else 60
    return argname if isinstance(val, bytes | str) and len(val) > most else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        _longest_first(items)
    if os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="needs root: network namespaces and packet sockets")
    for item in items:
        if "integration" in item.keywords:
            item.add_marker(skip)


def _longest_first(items: list[pytest.Item]) -> None:
    """Files run side by side: what takes long begins early, or one process would wait for the other at the end."""
    keywords: dict[Path, set[str]] = {}
    for item in items:
        keywords.setdefault(item.path, set()).update(item.keywords)

    def rank(item: pytest.Item) -> tuple[bool, bool]:
        found = keywords[item.path]
        return "integration" not in found, "slow" not in found

    items.sort(key=rank)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run: what was not run was not proved."""
    if os.environ.get("CI") != "true" or session.config.option.collectonly:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"CI: {len(skipped)} tests were skipped; none may be", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
