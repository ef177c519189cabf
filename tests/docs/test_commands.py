"""Commands in the documentation are real.

``console``: each ``$ `` line is run at the root of the repository, offline and without root; every line below it must be the
beginning of a line of its output, in that order (``...`` stands for any number of lines).
``sh``, and what stands in backticks: not run, because it needs root, services or a network; but every command, option,
make target and file in it must exist.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.docs_commands import every_command
from tests.support.documents import ROOT, Block, blocks, documents, inline_code

COMMANDS: dict[str, Any] = dict(every_command())
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
GLOBAL = {"--help", "--version"}


def prompts(block: Block) -> list[tuple[str, list[str]]]:
    """Each command with the lines that the page shows below it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


RUNNABLE = [(str(block), *prompt) for block in blocks("console") for prompt in prompts(block)]


@pytest.mark.parametrize(("where", "command", "shown"), RUNNABLE, ids=[f"{where} {c}" for where, c, _ in RUNNABLE])
def test_the_command_prints_what_the_page_shows(where: str, command: str, shown: list[str]) -> None:
    tool = command.split(maxsplit=1)[0]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    if shutil.which(tool, path=path) is None:
        pytest.skip(f"{tool} is not installed")
    environment = os.environ | {"PATH": path, "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{where}: {done.stderr}"
    assert done.stdout
    left = iter(done.stdout.splitlines())
    missing = [line for line in shown if line != "..." and not any(out.startswith(line.rstrip()) for out in left)]
    assert missing == [], where


def written() -> list[tuple[str, str]]:
    """Every command that is only shown, and where."""
    found = [(str(block), line) for block in blocks("sh", "") for line in block.text.splitlines()]
    found += [(str(page.relative_to(ROOT)), code) for page in documents() for code in inline_code(page)]
    return [(where, line.partition("#")[0].strip().removeprefix("sudo ")) for where, line in found]


EGRET = [(where, line) for where, line in written() if re.match(r"(/opt/egret/bin/)?egret [a-z]", line)]
MAKE = [(where, line) for where, line in written() if re.match(r"make [a-z]", line)]


@pytest.mark.parametrize(("where", "line"), EGRET)
def test_commands_and_options_exist(where: str, line: str) -> None:
    words = ["egret", *shlex.split(line.replace("'", ""))[1:]]
    if "|" in words[2:3]:
        words = words[:2]
    alternatives = [[*words[:2], third, *words[3:]] for third in words[2].split("|")] if len(words) > 2 else [words]
    for each in alternatives:
        name = next((" ".join(each[:n]) for n in (3, 2) if " ".join(each[:n]) in COMMANDS), None)
        if name is None:
            assert any(known.startswith(" ".join(each[:2]) + " ") for known in COMMANDS), f"{where}: {line}"
            continue
        options = {opt for p in COMMANDS[name].params for opt in (*p.opts, *p.secondary_opts)} | GLOBAL
        used = {word.strip("[]").partition("=")[0] for word in each if re.match(r"\[?--?[a-z]", word)}
        assert used - options == set(), f"{where}: {line}"


@pytest.mark.parametrize(("where", "line"), MAKE)
def test_make_targets_exist(where: str, line: str) -> None:
    assert line.split()[1] in TARGETS, where


def test_files_in_shown_commands_exist() -> None:
    words = [
        (where, word)
        for where, line in written()
        for word in line.split()
        if re.match(r"(deploy|scripts)/[\w./-]+$", word)
    ]
    assert words
    assert [(where, word) for where, word in words if not (ROOT / word).exists()] == []


def test_every_command_is_on_the_page_and_in_the_readme_or_a_guide() -> None:
    guides = "".join(p.read_text(encoding="utf-8") for p in documents() if p.name != "commands.md")
    assert [name for name in COMMANDS if name not in guides and name.rpartition(" ")[0] not in guides] == []
