"""Incidents as a table for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from operator import add
from typing import TYPE_CHECKING

from egret.alerts.formats.client import client_text
from egret.alerts.formats.text import main_host
from egret.alerts.model import Evidence, Incident
from egret.alerts.volume import COUNTED, bytes_text
from egret.model import Hosting, Operator, Severity
from egret.names import printable

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {
    Severity.INFO: "dim",
    Severity.LOW: "cyan",
    Severity.MEDIUM: "yellow",
    Severity.HIGH: "red",
    Severity.CRITICAL: "bold red",
}
_NETWORK_WIDTH = 11
_SERVICE_WIDTH = 28  # long titles take a second line, so that names and numbers need none
HEADINGS = (
    "severity",
    "client",
    "service",
    "host",
    "operator",
    "hosted in",
    "look-ups",
    "connections",
    "sent",
    "received",
)
_NUMBERS = 4  # the last columns, flush right
_MEASURED = f"Sent and received: {COUNTED}."
_FORCING = ("FORCE_COLOR", "TTY_COMPATIBLE")  # to rich: as if it were a terminal


def incident_table(incidents: Sequence[Incident], console: Console | None = None) -> None:
    """Print one row an incident: who, to what, under whose law, where, and how it was seen."""
    if console is None and not (sys.stdout.isatty() or any(name in os.environ for name in _FORCING)):
        sys.stdout.write(_plain(incidents))
        return
    from rich.console import Console  # noqa: PLC0415 (a tenth of the start, and only people need it)

    console = console or Console()
    if incidents and console.is_terminal:
        _print_table(incidents, console)
    else:
        console.file.write(_plain(incidents))


def _print_table(incidents: Sequence[Incident], console: Console) -> None:
    from rich import box  # noqa: PLC0415 (as above)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for heading in HEADINGS[:-_NUMBERS]:
        table.add_column(heading, overflow="fold", max_width=_SERVICE_WIDTH if heading == "service" else None)
    for heading in HEADINGS[-_NUMBERS:]:
        table.add_column(heading, justify="right")
    for incident in incidents:
        severity, *cells = map(Text, _row(incident))  # never rich's markup: a host name may look like one
        severity.style = STYLES[incident.severity]
        table.add_row(severity, *cells)
    console.print(table)
    if any(incident.volume_source for incident in incidents):
        console.print(_MEASURED, style="dim")


def _plain(incidents: Sequence[Incident]) -> str:
    if not incidents:
        return "Nothing that the catalogue names.\n"
    measured = any(incident.volume_source for incident in incidents)
    return _columns(incidents) + (f"{_MEASURED}\n" if measured else "")


def _columns(incidents: Sequence[Incident]) -> str:
    """Not for a terminal: a line an incident, nothing folded, at a fiftieth of what it costs to fit a table in."""
    columns = list(zip(HEADINGS, *map(_row, incidents), strict=True))
    aligned = [_aligned(column, right=False) for column in columns[:-_NUMBERS]]
    aligned += [_aligned(column, right=True) for column in columns[-_NUMBERS:]]
    return "".join("  ".join(cells).rstrip() + "\n" for cells in zip(*aligned, strict=True))


def _aligned(column: Sequence[str], *, right: bool) -> Iterator[str]:
    """The cells of one column, all as wide as the widest."""
    sizes = [len(text) if text.isascii() else _cells(text) for text in column]  # ``_row`` leaves no control character
    widest = max(sizes)
    padding = [" " * (widest - size) for size in sizes]
    return map(add, padding, column) if right else map(add, column, padding)


def _cells(text: str) -> int:
    from rich.cells import cell_len  # noqa: PLC0415 (as above)

    return cell_len(text)


def _row(incident: Incident) -> tuple[str, ...]:
    """What stands under each of the headings."""
    cells = (
        incident.severity.value,
        client_text(incident),
        f"{incident.service} ({incident.vendor})",
        main_host(incident) or "-",
        _operator(incident.operator),
        _hosting(incident.hosting),
        str(incident.lookups),
        "none" if incident.evidence is Evidence.LOOKUP else str(incident.connections),
        *_moved(incident),
    )
    return tuple(map(printable, cells))


def _operator(operator: Operator) -> str:
    """Under the heading "operator"; contested is never a plain yes or no."""
    return f"{operator.country or 'unknown'}{', contested' if operator.contested else ''}"


def _hosting(hosting: Hosting) -> str:
    """Under the heading "hosted in": one line, so the network's name is cut."""
    if hosting.asn is None:
        return hosting.country or "unknown"
    name = (hosting.as_org or "").split(",")[0]
    short = name if len(name) <= _NETWORK_WIDTH else name[: _NETWORK_WIDTH - 1] + "…"
    return f"{hosting.country or 'unknown'} AS{hosting.asn} {short}".rstrip()


def _moved(incident: Incident) -> tuple[str, str]:
    """Bytes sent and received; the table's last line says how they are counted."""
    if incident.volume_source is None:
        return "", ""
    return bytes_text(incident.bytes_out or 0), bytes_text(incident.bytes_in or 0)
