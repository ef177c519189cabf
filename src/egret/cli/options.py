"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

JobsOption = Annotated[
    str,
    typer.Option(
        "--jobs",
        metavar="N|auto",
        help="how many processes read, each another file, or with replay another part of one large file; "
        "auto: as many as there are cores",
    ),
]
