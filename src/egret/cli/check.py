"""``egret check``: is the configuration right, and everything it names?"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from egret import __version__
from egret.alerts.messages import Message
from egret.alerts.model import Sensor
from egret.catalog.lint import lint
from egret.cli.approvals import unmatched_entries
from egret.cli.output import USAGE, complain_all
from egret.daemon.outputs import make_outputs
from egret.errors import ConfigError, ConfigErrors, GeoError
from egret.geo.database import GeoDatabase
from egret.settings.catalogue import load_catalog
from egret.settings.config import Config, json_schema, load_config
from egret.settings.places import default_config_file
from egret.settings.signatures import load_located
from egret.settings.unknown_names import unknown_names
from egret.settings.yaml_text import effective_yaml
from egret.sinks.base import Outcome
from egret.web.tls import Certificate


def check(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The file to check")] = None,
    *,
    effective: Annotated[bool, typer.Option(help="Print every option as it is in force, secrets hidden")] = False,
    schema: Annotated[bool, typer.Option(help="Print the JSON Schema of the file, for editors, and stop")] = False,
) -> None:
    """Check the configuration, the catalogue and the databases; every error in one run.

    Exits 0 if all is right, 2 if not. Without -c it checks the file that `egret run` would read.
    """
    if schema:
        typer.echo(json.dumps(json_schema(), indent=2))
        return
    path = config or default_config_file()
    loaded = load_config(path)
    if effective:
        typer.echo(effective_yaml(loaded), nl=False)
    lines, errors = examine(loaded, path)
    if errors:
        complain_all(ConfigErrors(errors))
        raise typer.Exit(USAGE)
    if not effective:
        typer.echo(f"{path or 'no file, so the defaults'}: all right")
        typer.echo("\n".join(f"  {line}" for line in lines))


def examine(config: Config, path: Path | None = None) -> tuple[list[str], list[ConfigError]]:
    """What is configured, a line each, and what is wrong with the files that it names."""
    errors: list[ConfigError] = []
    lines = [
        _catalog(config, errors, path),
        _databases(config, errors),
        f"interfaces: {', '.join(config.capture.interfaces) or 'chosen at start'} ({config.capture.backend})",
        f"outputs: {', '.join(_outputs(config)) or 'none'}",
        f"incidents: {config.paths.store}",
        _status_page(config, errors),
    ]
    errors += _unusable_outputs(config)
    return lines if errors else lines + _lint(config), errors


def _status_page(config: Config, errors: list[ConfigError]) -> str:
    http = config.http
    if not http.enabled:
        return "status page: off"
    if http.tls.certificate is not None:
        try:
            Certificate(http.tls)
        except ConfigError as error:
            errors.append(error)
    scheme = "http" if http.tls.certificate is None else "https"
    who = f"login for {len(http.users)} users, {len(http.tokens)} tokens" if http.has_login else "no login"
    return f"status page: {scheme}://{http.listen}/ ({who})"


def _catalog(config: Config, errors: list[ConfigError], path: Path | None) -> str:
    try:
        whole = load_catalog(config.signature_folders)
    except ConfigErrors as error:
        errors += error.errors
        return "catalogue: broken"
    errors += unknown_names(config, whole.signatures, whole=True)
    errors += unmatched_entries(config, whole, path)
    used = len(whole.signatures) - len({s.id for s in whole.signatures} & set(config.catalog.disabled))
    return f"catalogue: {whole.version}, {used} signatures"


def _lint(config: Config) -> list[str]:
    """What the lint says about the operator's own signatures; advice, since they can be used as they are."""
    own = set(config.local_folders)
    if not own:
        return []
    today = datetime.fromtimestamp(time.time(), UTC).date()
    found = lint(load_located(config.signature_folders), today)
    return [f"advice: {finding}" for finding in found if Path(finding.place.file).parent in own]


def _unusable_outputs(config: Config) -> list[ConfigError]:
    """What would keep an output from working, as it says itself; nothing is sent."""
    _, deliveries = make_outputs(config.outputs, Sensor(__version__), _hear_nothing)
    troubles = ((delivery.name, delivery.sink.health()) for delivery in deliveries)
    return [ConfigError(f"outputs, {name}: {trouble}") for name, trouble in troubles if trouble]


def _hear_nothing(sink: str, outcome: Outcome, alerts: Sequence[Message], detail: str) -> None:
    """Nothing is sent, so nothing becomes of it."""


def _databases(config: Config, errors: list[ConfigError]) -> str:
    try:
        found = GeoDatabase.open(config.databases, bundled=config.geoip.bundled).info()
    except GeoError as error:
        errors.append(ConfigError(f"geoip.databases: {error}"))
        return "databases: broken"
    return f"databases: {', '.join(each.source for each in found)}"


def _outputs(config: Config) -> list[str]:
    outputs = config.outputs
    names = [f"terminal (from {outputs.terminal.min_severity})"] if outputs.terminal.enabled else []
    if outputs.file.path is not None:
        names.append(f"{outputs.file.path} (from {outputs.file.min_severity})")
    names += [f"journal (from {outputs.journal.min_severity})"] if outputs.journal.enabled else []
    others = (
        ("syslog", outputs.syslog),
        ("webhook", outputs.webhooks),
        ("alertmanager", outputs.alertmanagers),
        ("apprise", outputs.apprise),
        ("kafka", outputs.kafka),
        ("nats", outputs.nats),
    )
    return names + [f"{kind} {each.name} (from {each.min_severity})" for kind, rows in others for each in rows]
