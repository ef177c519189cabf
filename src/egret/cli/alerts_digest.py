"""``egret alerts digest``: the digest of a day, from what the store has now."""

from __future__ import annotations

import json
import socket
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from egret import __version__
from egret.alerts.formats.digest import digest_lines, digest_to_own
from egret.alerts.model import Sensor
from egret.cli.kept import kept_database
from egret.cli.who import who
from egret.daemon.digests import compose
from egret.errors import ConfigError
from egret.settings.config import load_config
from egret.settings.places import default_config_file
from egret.settings.routing_section import zone
from egret.store.access import AccessLog, Purpose


def digest(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="configuration to read")] = None,
    *,
    day: Annotated[str | None, typer.Option("--day", help="as in 2026-11-21; left out: yesterday")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON line, as outputs get it")] = False,
) -> None:
    """Show the digest of a day: what was new, what was allowed, how well Egret saw. Nothing is sent.

    A day begins and ends at midnight in `outputs.digest.timezone`. Example: egret alerts digest --day 2026-11-21
    """
    settings = load_config(config or default_config_file())
    zone_name, now_ns = settings.outputs.digest.timezone, time.time_ns()
    chosen = _day(day) if day is not None else _yesterday(now_ns, zone_name)
    sensor = Sensor(__version__, socket.gethostname())
    with kept_database(settings.paths.store) as database:
        made = compose(database, chosen, zone_name, sensor, now_ns)
        AccessLog(database).note(now_ns, who(), Purpose.ALERTS)
    text = json.dumps(digest_to_own(made, sensor)) if as_json else "\n".join(digest_lines(made))
    sys.stdout.write(f"{text}\n")


def _day(text: str) -> date:
    try:
        chosen = date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--day: '{text}' is no date", None, "write it as 2026-11-21") from None
    if not date(1970, 1, 2) <= chosen <= date(2200, 1, 1):
        raise ConfigError(f"--day: {text} is no day that a store can hold")
    return chosen


def _yesterday(now_ns: int, zone_name: str) -> date:
    return (datetime.fromtimestamp(now_ns / 1e9, UTC).astimezone(zone(zone_name)) - timedelta(days=1)).date()
