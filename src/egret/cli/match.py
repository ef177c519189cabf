"""``egret match``: the catalogue's word on host names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from egret.cli import matching


def match(
    hosts: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME|-]...", help="host names; - or nothing reads them from stdin")
    ] = None,
    *,
    catalog: Annotated[
        list[Path] | None,
        typer.Option("--catalog", metavar="DIR", help="signatures instead of the bundled ones"),
    ] = None,
) -> None:
    """Say what the catalogue knows about host names: one JSON line for each, in order.

    Scheme, port, path, capitals and final dot are taken off first; a line that is no host name has "name": null.

    Example: egret match chat.qwen.ai notqwen.ai
    """
    matching.match_names(hosts, catalog)
