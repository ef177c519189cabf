"""``egret doctor``: can this machine do it, and if not, what is missing?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from egret.cli.checks import CHECKS
from egret.cli.findings import Finding, Level
from egret.cli.output import FAILED
from egret.errors import ConfigErrors
from egret.names import printable
from egret.settings.config import Config, load_config
from egret.settings.places import default_config_file

_STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}


def doctor(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a list of findings")] = False,
) -> None:
    """Say whether this machine can do it: rights, interfaces, offloads, catalogue, databases, disk, clock.

    Each line is ok, warn or fail, and says what to do. Exits 1 if a check failed.
    """
    findings = examine(config or default_config_file())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print(findings)
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(FAILED)


def examine(path: Path | None) -> list[Finding]:
    """Every finding; with a broken configuration the rest is judged by the defaults."""
    words = f"{path} is right" if path else "no file, so the defaults"
    first = Finding("config", Level.OK, words)
    try:
        config = load_config(path)
    except ConfigErrors as error:
        number = len(error.errors)
        remedy = (
            f"`egret check -c {path}` shows all {number}"
            if number > 1
            else "correct it; the rest is judged by defaults"
        )
        first = Finding("config", Level.FAIL, str(error.errors[0]), remedy)
        config = Config()
    return [first, *(finding for check in CHECKS for finding in check(config))]


def _print(findings: Iterable[Finding]) -> None:
    console = Console(soft_wrap=True)
    for finding in findings:
        style = _STYLES[finding.level]
        found = escape(printable(finding.found))
        console.print(f"[{style}]{finding.level:<4}[/] {finding.check:<10} {found}", highlight=False)
        if finding.remedy:
            console.print(f"                -> {escape(printable(finding.remedy))}", highlight=False)
