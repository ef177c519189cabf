from __future__ import annotations

import gc
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from egret.cli.commands import COMMANDS, load
from egret.cli.main import invoke
from egret.settings.catalogue import bundled_resolvers, load_catalog

HEAVY = {"aiohttp", "apprise", "cryptography", "dns", "maxminddb", "prometheus_client", "pydantic", "scapy", "yaml"}
DEMO = "src/egret/data/demo/egret-demo.pcapng"
FOR_OTHERS = {
    "aiohttp",
    "apprise",
    "asyncio",
    "ctypes",
    "jinja2",
    "prometheus_client",
    "scapy",
    "sqlite3",
    "ssl",
    "yaml",
}
SETTINGS = {"egret.settings.config", "egret.settings.sections", "pydantic"}  # there is nothing to validate
RARE = {"egret.sources.rare", "egret.worker.partial", "egret.worker.proving"}  # formats, shares of a file, proofs
READERS = {"egret.cli.readers", "egret.cli.step_codec", "pickle", "selectors", "tempfile"}  # by several processes
COMPILING = {"dataclasses", "inspect", "typing_extensions"}  # egret.value makes classes without compiling anything
NOT_AT_START: dict[tuple[str, ...], set[str]] = {
    ("explain", "qwen.ai"): FOR_OTHERS | SETTINGS | {"cryptography", "dns", "rich"},
    ("match", "qwen.ai"): FOR_OTHERS
    | SETTINGS
    | COMPILING
    | {"cryptography", "dns", "egret.alerts", "email", "hashlib", "rich", "socket", "typer"},
    ("observe", DEMO): FOR_OTHERS
    | SETTINGS
    | COMPILING
    | RARE
    | READERS
    | {"dns", "egret.alerts.codec", "egret.worker.gate", "email", "maxminddb", "rich", "typer"},
    ("replay", DEMO): FOR_OTHERS
    | SETTINGS
    | COMPILING
    | RARE
    | READERS
    | {"dns", "egret.alerts.formats.cef", "egret.cli.division", "rich.table", "typer"},
    ("replay", "--jobs", "1", DEMO): COMPILING | {"maxminddb", "rich", "socket"},  # it has documentation addresses only
}


def imported(*arguments: str, folder: Path | None = None) -> set[str]:
    """The modules that the command line has in the end."""
    code = "import sys; from egret.cli.main import invoke; invoke(sys.argv[1:]); print('\\n' + ' '.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(run.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says_of_itself(name: str) -> None:
    command = load(name)
    assert COMMANDS[name].help == " ".join(inspect.cleandoc(command.help).split("\n\n", maxsplit=1)[0].split())
    assert hasattr(command, "commands") is COMMANDS[name].is_group
    assert command.name == name


def test_help_imports_no_command() -> None:
    modules = imported("--help")
    assert modules & HEAVY == set()
    ours = {module for module in modules if module.startswith("egret")}
    lean = {f"egret.cli.{name}" for name in ("app", "commands", "late", "main", "output", "plain", "plain_command")}
    assert ours == lean | {"egret", "egret.cli", "egret.errors", "egret.names", "egret.worker", "egret.worker.heap"}


@pytest.mark.slow
@pytest.mark.parametrize("words", NOT_AT_START)
def test_a_command_imports_nothing_for_others(
    words: tuple[str, ...], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    load_catalog(), bundled_resolvers()  # from now on they are kept
    assert imported(*words, folder=repository) & NOT_AT_START[words] == set()


def test_a_word_that_is_no_command_is_said_with_what_is_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["repaly"]) == 2
    assert "Did you mean 'replay'?" in capsys.readouterr().err


def test_garbage_is_collected_once_a_command_is_there() -> None:
    load("match")
    assert gc.isenabled()
