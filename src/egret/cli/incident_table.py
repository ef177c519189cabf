"""Incidents as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from egret.alerts.formats.client import client_text
from egret.alerts.formats.text import main_host
from egret.alerts.model import Evidence, Incident
from egret.alerts.volume import COUNTED, bytes_text
from egret.model import Hosting, Operator, Severity
from egret.names import printable

STYLES = {
    Severity.INFO: "dim",
    Severity.LOW: "cyan",
    Severity.MEDIUM: "yellow",
    Severity.HIGH: "red",
    Severity.CRITICAL: "bold red",
}
_NETWORK_WIDTH = 11
_SERVICE_WIDTH = 28  # long titles take a second line, so that names and numbers need none
_PIPE_WIDTH = 160  # not a terminal: wide enough that no cell is cut


def incident_table(incidents: Sequence[Incident], console: Console | None = None) -> None:
    """Print one row an incident: who, to what, under whose law, where, and how it was seen."""
    console = console or _console()
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("severity", "client", "service", "host", "operator", "hosted in"):
        table.add_column(heading, overflow="fold", max_width=_SERVICE_WIDTH if heading == "service" else None)
    for heading in ("look-ups", "connections", "sent", "received"):
        table.add_column(heading, justify="right")
    for incident in incidents:
        table.add_row(
            Text(incident.severity.value, STYLES[incident.severity]),
            _plain(client_text(incident)),
            _plain(f"{incident.service} ({incident.vendor})"),
            _plain(main_host(incident) or "-"),
            _plain(_operator(incident.operator)),
            _plain(_hosting(incident.hosting)),
            _plain(str(incident.lookups)),
            _plain("none" if incident.evidence is Evidence.LOOKUP else str(incident.connections)),
            *(_plain(text) for text in _moved(incident)),
        )
    console.print(table if incidents else "Nothing that the catalogue names.")
    if any(incident.volume_source for incident in incidents):
        console.print(f"Sent and received: {COUNTED}.", style="dim")


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


def _plain(text: str) -> Text:
    """Never rich's markup: a host name may look like one."""
    return Text(printable(text))


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
