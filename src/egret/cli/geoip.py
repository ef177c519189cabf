"""``egret geoip``: the databases, and what they say about addresses."""

from __future__ import annotations

import ipaddress
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from egret.cli.geoip_update import update
from egret.cli.inputs import lines
from egret.cli.json_line import dump
from egret.geo.database import DatabaseInfo, GeoDatabase
from egret.judge.networks import network, network_class
from egret.names import printable
from egret.settings.config import Config, load_config
from egret.settings.places import default_config_file
from egret.value import asdict

MAX_ECHO = 1024  # no address is longer than 60 characters; the rest is not repeated

app = typer.Typer(no_args_is_help=True, help="The databases that say where an address is, and who announces it.")

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file")]


@app.command()
def info(
    config: ConfigOption = None, as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False
) -> None:
    """Which databases are in use, how old they are, and whom to name for them."""
    databases = open_databases(load_config(config or default_config_file())).info()
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in databases], indent=2))
        return
    console = Console()
    for each in databases:
        console.print(_table(each))


@app.command()
def lookup(
    addresses: Annotated[
        list[str] | None, typer.Argument(metavar="ADDRESS|-", help="Addresses; - (or none) reads them as lines")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Say where each address is and who announces it: one JSON line for each, in order, bad ones included.

    Example: egret geoip lookup 8.129.152.230
    """
    database = open_databases(load_config(config or default_config_file()))
    for text in lines(addresses or ["-"]):
        sys.stdout.write(dump(lookup_line(text, database)) + "\n")
        sys.stdout.flush()  # another program may wait for this line before it writes the next


app.command()(update)


def lookup_line(text: str, database: GeoDatabase) -> dict[str, object]:
    """The contract's line for *text*, which may be anything."""
    line: dict[str, object] = dict.fromkeys(("address", "country", "asn", "as_org", "operator", "source"))
    line["address"] = text[:MAX_ECHO]
    ip = _packed(text)
    if ip is None:
        return line | {"error": "not an IP address" if text.strip() else "empty line"}
    record = database.lookup(ip)
    if record is None:
        return line
    row = network(record.asn)
    return line | record._asdict() | {"operator": row.operator if row else None, "network": network_class(record.asn)}


def _packed(text: str) -> bytes | None:
    try:
        return ipaddress.ip_address(text.strip().strip("[]")).packed
    except ValueError:
        return None


def open_databases(config: Config) -> GeoDatabase:
    """The databases of a configuration; GeoError says which one cannot be used."""
    geoip = config.geoip
    return GeoDatabase.open(config.databases, geolocate_reserved=geoip.geolocate_reserved, bundled=geoip.bundled)


def _table(database: DatabaseInfo) -> Table:
    table = Table(show_header=False, box=None, title=escape(database.source), title_justify="left", title_style="bold")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = (
        ("file", printable(database.path)),
        ("type", database.database_type),
        ("built", database.build),
        ("size", f"{database.size / 1e6:.1f} MB, for IPv{'4 and IPv6' if database.ip_version == 6 else '4 only'}"),
        ("SHA-256", database.sha256),
        ("attribution", database.attribution),
        ("description", database.description),
    )
    for name, value in rows:
        table.add_row(name, escape(value))
    return table
