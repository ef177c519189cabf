"""``egret observe``: every name seen in captures, matched or not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from egret.cli.capture import Captures
from egret.cli.lines import anomaly_line, connection_line, dump, observation_line
from egret.model import Anomaly, Connection, Event
from egret.sources.files import READ
from egret.track.observer import Observer


def observe(
    files: Annotated[list[str], typer.Argument(metavar="FILE|-...", help=f"captures: {READ}; - is standard input")],
    *,
    flows: Annotated[bool, typer.Option("--flows", help="also every connection, with what named it")] = False,
    anomalies: Annotated[bool, typer.Option("--anomalies", help="also what could not be read, and why")] = False,
) -> None:
    """Print every name seen in captures as JSON lines: questions, answers, hellos, requests.

    This looks at everything, so it is a command of its own: the daemon never does it.

    Example: egret observe capture.pcap | jq -r .name | sort | uniq -c
    """
    write = sys.stdout.write
    with Captures(files) as captures:
        for path in captures:
            observer = Observer()
            for frame in captures.frames(path):
                for event in observer.feed(frame):
                    _print(event, path, write, flows=flows, anomalies=anomalies)
            for event in observer.flush():
                _print(event, path, write, flows=flows, anomalies=anomalies)
    raise typer.Exit(captures.exit_code)


def _print(event: Event, path: str, write: Callable[[str], object], *, flows: bool, anomalies: bool) -> None:
    if isinstance(event, Anomaly):
        if anomalies:
            write(dump(anomaly_line(event, path)) + "\n")
    elif isinstance(event, Connection):
        if flows:
            write(dump(connection_line(event, path)) + "\n")
    else:
        write(dump(observation_line(event, path)) + "\n")
