"""``egret observe``: every name seen in captures, matched or not."""

from __future__ import annotations

from typing import Annotated

import typer

from egret.cli import observing
from egret.cli.jobs import AUTO
from egret.cli.options import JobsOption
from egret.sources.files import READ


def observe(
    files: Annotated[list[str], typer.Argument(metavar="FILE|-...", help=f"captures: {READ}; - is standard input")],
    *,
    flows: Annotated[bool, typer.Option("--flows", help="also every connection, with what named it")] = False,
    anomalies: Annotated[bool, typer.Option("--anomalies", help="also what could not be read, and why")] = False,
    jobs: JobsOption = AUTO,
) -> None:
    """Print every name seen in captures as JSON lines: questions, answers, hellos, requests.

    This looks at everything, so it is a command of its own: the daemon never does it.

    Example: egret observe capture.pcap | jq -r .name | sort | uniq -c
    """
    raise typer.Exit(observing.observe_files(files, flows=flows, anomalies=anomalies, jobs=jobs))
