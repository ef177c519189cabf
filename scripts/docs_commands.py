"""The reference page of the commands, from the typer app itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from egret.cli.commands import COMMANDS, load

PAGE_HEAD = """\
# Commands

Made from the program by `make docs`; do not edit. `egret COMMAND --help` says the same on a terminal.

Results go to standard output, everything else to standard error, and never a traceback (`EGRET_DEBUG=1` shows one).

| exit code | means |
|---|---|
| 0 | fine |
| 1 | it failed: a right is missing, a capture broke off, a check of `egret doctor` failed |
| 2 | bad usage or bad input: unknown option, wrong configuration, no capture file |
| 3 | `--fail-on SEVERITY` found something that severe |
"""


def commands_page() -> str:
    """The page ``docs/commands.md``: a section for each command, with its arguments and options."""
    sections = [_section(path, command) for path, command in every_command()]
    return PAGE_HEAD + "".join(sections)


def every_command() -> Iterator[tuple[str, Any]]:
    """Each command that does something, with its full name: ``egret catalog lint``."""
    for name in COMMANDS:
        yield from _below(f"egret {name}", load(name))


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from _below(f"{path} {name}", child)


def _section(path: str, command: Any) -> str:
    """Help, usage and a table; Typer's own words for each option."""
    context = typer.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in filter(None, records)]
    table = "\n".join(["", "| argument or option | meaning |", "|---|---|", *rows, ""]) if rows else ""
    return f"\n## `{path}`\n\n{inspect.cleandoc(command.help or '')}\n\n```text\n{usage}\n```\n{table}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
