"""``egret replay``: captures through the whole pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from egret.cli import replaying
from egret.cli.jobs import AUTO
from egret.cli.options import JobsOption
from egret.cli.replaying import Format
from egret.model import Severity
from egret.sources.files import READ


def replay(
    files: Annotated[list[str], typer.Argument(metavar="FILE|-...", help=f"captures: {READ}; - is standard input")],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="configuration; none is needed")] = None,
    output: Annotated[
        Format, typer.Option("--format", help="a table for people, or lines for programs")
    ] = Format.TABLE,
    *,
    detections: Annotated[
        bool, typer.Option("--detections", help="one JSON line a detection, instead of incidents")
    ] = False,
    evidence: Annotated[
        Path | None,
        typer.Option(
            "--evidence", help="folder to keep the messages that proved the incidents in; none is kept without"
        ),
    ] = None,
    fail_on: Annotated[
        Severity | None,
        typer.Option(
            "--fail-on",
            help="exit with 3 if anything this severe was found that is neither approved nor suppressed, "
            "in files that could be read whole",
        ),
    ] = None,
    jobs: JobsOption = AUTO,
) -> None:
    """Run captures through detection, jurisdiction and incidents, as the daemon would have seen them.

    Several files are read in the order of their first packets, so that incidents are what they were. Nothing is sent,
    and without --evidence nothing is stored. Every address counts as a client, unless networks.inside
    names them.

    Example: egret replay --format ecs capture.pcap
    """
    raise typer.Exit(
        replaying.replay_files(
            files, config, output, detections=detections, evidence=evidence, fail_on=fail_on, jobs=jobs
        )
    )
