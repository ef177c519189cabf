"""``egret approvals``: what was decided about services, what ends, and what matches nothing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from egret.alerts.rulings import ended_text, state_text, terms_text, terms_to_dict, until_text
from egret.catalog.match import Catalog
from egret.cli.output import FOUND, USAGE, complain, complain_all
from egret.errors import ConfigError, ConfigErrors
from egret.judge.approvals import Approval, Standing
from egret.names import printable
from egret.settings import positions
from egret.settings.approvals_section import unmatched
from egret.settings.catalogue import load_catalog
from egret.settings.config import Config, load_config
from egret.settings.places import default_config_file
from egret.settings.units import parse_duration

app = typer.Typer(help="What was decided about services, for whom and until when.", no_args_is_help=True)
_PIPE_WIDTH = 160

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="configuration to read")]
WithinOption = Annotated[
    str | None, typer.Option("--within", help='what "soon" is, as in 30d (default: approvals.expires_soon)')
]


@app.command("list")
def list_(
    config: ConfigOption = None,
    *,
    within: WithinOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON line an entry")] = False,
) -> None:
    """Show every decision in the configuration and whether it holds now.

    Example: egret approvals list
    """
    settings = load_config(config or default_config_file())
    soon_ns, now_ns = _soon_ns(settings, within), time.time_ns()
    rows = [(entry, entry.terms.standing(now_ns, soon_ns)) for entry in settings.approvals.as_approvals()]
    if as_json:
        sys.stdout.write("".join(json.dumps(_row(entry, standing)) + "\n" for entry, standing in rows))
    else:
        _print(rows)


@app.command("check")
def check(config: ConfigOption = None, *, within: WithinOption = None) -> None:
    """Say which decisions have ended or end soon, and which match nothing in the catalogue or the groups.

    Exits 0 if all is in order, 2 if one matches nothing (likely a typing error), else 3 if one has ended or ends soon.

    Example: egret approvals check --within 30d
    """
    path = config or default_config_file()
    settings = load_config(path)
    soon_ns, now_ns = _soon_ns(settings, within), time.time_ns()
    catalog = load_catalog(settings.signature_folders, settings.catalog.disabled)
    wrong = unmatched_entries(settings, catalog, path)
    if wrong:
        complain_all(ConfigErrors(wrong))
    ending = 0
    for entry in settings.approvals.as_approvals():
        line = _trouble(entry, entry.terms.standing(now_ns, soon_ns))
        if line:
            ending += 1
            complain(line)
    if wrong:
        raise typer.Exit(USAGE)
    if ending:
        raise typer.Exit(FOUND)
    sys.stdout.write(f"{len(settings.approvals.entries)} decisions, all in order\n")


def unmatched_entries(settings: Config, catalog: Catalog, path: Path | None) -> list[ConfigError]:
    """Decisions that match nothing, with their places in the file that *settings* were read from."""
    document = positions.load(path) if path is not None else None
    return unmatched(settings.approvals, catalog.signatures, settings.clients.group_names, document)


def _soon_ns(settings: Config, within: str | None) -> int:
    try:
        soon = settings.approvals.expires_soon if within is None else parse_duration(within)
    except ValueError as error:
        raise ConfigError(f"--within: {error}") from None
    return round(soon.total_seconds()) * 1_000_000_000


def _trouble(entry: Approval, standing: Standing) -> str | None:
    where = f"entry {entry.number}, {entry.what} for {entry.whom}"
    if standing is Standing.ENDED:
        return f"{where}: {ended_text(entry.terms)}; renew it or take it out"
    if standing is Standing.ENDS_SOON:
        return f"{where}: {terms_text(entry.terms)}: ends soon"
    return None


def _row(entry: Approval, standing: Standing) -> dict[str, Any]:
    return {
        "entry": entry.number,
        "service": entry.service,
        "vendor": entry.vendor,
        "class": entry.service_class,
        "clients": list(entry.clients),
        "groups": list(entry.groups),
        **terms_to_dict(entry.terms),
        "standing": standing,
    }


def _print(rows: Sequence[tuple[Approval, Standing]]) -> None:
    console = Console()
    console = console if console.is_terminal else Console(width=_PIPE_WIDTH)
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for heading in ("entry", "state", "what", "for", "owner", "ticket", "until", "now"):
        table.add_column(heading, overflow="fold")
    for entry, standing in rows:
        terms = entry.terms
        until = until_text(terms.until_ns) if terms.until_ns is not None else ""
        words = (str(entry.number), state_text(terms.state), entry.what, entry.whom, terms.owner, terms.ticket, until)
        table.add_row(*(Text(printable(word)) for word in (*words, standing.replace("_", " "))))
    console.print(table if rows else "Nothing was decided: every service is unreviewed.")
