"""``egret alerts``: what was said, who has it, and sending again what a receiver refused or lost."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from egret.alerts.digest import Digest
from egret.alerts.formats.digest import digest_headline, digest_lines
from egret.alerts.formats.text import one_line, several_lines
from egret.alerts.messages import Message, message_from_json
from egret.cli.alerts_digest import digest
from egret.cli.kept import kept_database
from egret.cli.output import FAILED, USAGE, complain
from egret.cli.who import who
from egret.daemon.control import SOCKET, ask
from egret.errors import ConfigError
from egret.names import printable
from egret.settings.config import Config, load_config
from egret.settings.places import default_config_file
from egret.settings.units import parse_duration
from egret.store.access import AccessLog, Purpose
from egret.store.outbox import Choice, Kept, State, find, queue_again, revive

app = typer.Typer(help="Alerts on record: who has them, and sending them again.", no_args_is_help=True)

app.command("digest")(digest)

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="configuration to read")]
SinkOption = Annotated[str | None, typer.Option("--sink", help="only what this output does not have")]
DeadOption = Annotated[bool, typer.Option("--dead", help="only dead letters: what a receiver refused")]
SinceOption = Annotated[str | None, typer.Option("--since", help="only alerts of this long ago and younger, as in 2d")]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON line each")]


@app.command("list")
def list_(
    config: ConfigOption = None,
    *,
    sink: SinkOption = None,
    dead: DeadOption = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="only what some output does not have yet")] = False,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="the newest so many")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List alerts, the newest first, and the outputs that do not have them.

    Example: egret alerts list --dead --since 2d
    """
    if dead and waiting:
        raise ConfigError("--dead and --waiting exclude each other", None, "give one of them")
    state = State.DEAD if dead else State.WAITING if waiting else None
    with kept_database(load_config(config or default_config_file()).paths.store) as database:
        found = find(database, Choice(sink, state, _since_ns(since)), limit)
        AccessLog(database).note(time.time_ns(), who(), Purpose.ALERTS)
    for kept in found:
        sys.stdout.write(f"{_json(kept) if as_json else _line(kept)}\n")


@app.command("show")
def show(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="of alerts, or of incidents: all of theirs")],
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show alerts in full. Exits 2 if there is none.

    Example: egret alerts show 1f0c2a52-3b1d-5c6e-9f00-0123456789ab-1
    """
    with kept_database(load_config(config or default_config_file()).paths.store) as database:
        found = find(database, Choice(ids=tuple(ids[:500])), 10_000)[::-1]
        AccessLog(database).note(time.time_ns(), who(), Purpose.ALERTS)
    if not found:
        complain("no alert has such an id; `egret alerts list` shows those on record")
        raise typer.Exit(USAGE)
    for kept in found:
        sys.stdout.write(f"{_json(kept) if as_json else _paragraph(kept)}\n")


@app.command("resend")
def resend(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="of alerts, or of incidents")] = None,
    config: ConfigOption = None,
    *,
    sink: SinkOption = None,
    dead: DeadOption = False,
    since: SinceOption = None,
) -> None:
    """Send alerts again: with --dead what receivers refused; else those named, to the output of --sink.

    The daemon sends them at once; without one they go with the next start. A receiver tells repeats by their id.

    Example: egret alerts resend --dead --sink soc
    """
    settings = load_config(config or default_config_file())
    choice = Choice(sink, None, _since_ns(since), tuple((ids or [])[:500]))
    with kept_database(settings.paths.store) as database:
        if dead:
            number = revive(database, choice)
        elif sink is not None and (choice.ids or choice.since_ns is not None):
            number = queue_again(database, [sink], choice)
        else:
            raise ConfigError("what is to be sent again?", None, "give --dead, or --sink and ids or --since")
    sys.stdout.write(f"{number} deliveries put back{_wake(settings) if number else ''}\n")


def _wake(settings: Config) -> str:
    """Tell a running daemon; what to say of it."""
    path = settings.paths.state / SOCKET
    try:
        answer = ask(path, "resend", "*")
    except (OSError, ValueError) as error:
        complain(f"{path}: the daemon cannot be asked ({error}); they go at its next start")
        raise typer.Exit(FAILED) from error
    if answer is None:
        return "; no daemon runs here: they go at its next start"
    if "error" in answer:
        complain(str(answer["error"]))
        raise typer.Exit(FAILED)
    return f"; {answer.get('offered')} offered now"


def _since_ns(since: str | None) -> int | None:
    if since is None:
        return None
    try:
        span = parse_duration(since)
    except ValueError as error:
        raise ConfigError(f"--since: {error}") from None
    return time.time_ns() - round(span.total_seconds()) * 1_000_000_000


def _message(kept: Kept) -> Message | None:
    try:
        return message_from_json(kept.body)
    except ValueError:
        return None


def _json(kept: Kept) -> str:
    alert: Any = json.loads(kept.body) if _message(kept) is not None else None
    lacking = [{"output": place.sink, "state": place.state, "detail": place.detail} for place in kept.places]
    return json.dumps({"id": kept.id, "undelivered": lacking, "alert": alert})


def _line(kept: Kept) -> str:
    message = _message(kept)
    if message is None:
        said = "unreadable: not written by this version of Egret"
    else:
        said = digest_headline(message) if isinstance(message, Digest) else one_line(message)
    return "  ".join([kept.id, said, *_lacking(kept)])


def _paragraph(kept: Kept) -> str:
    message = _message(kept)
    if message is None:
        return _line(kept)
    lines = digest_lines(message) if isinstance(message, Digest) else several_lines(message)
    return "\n".join([kept.id, *lines, *(f"    {line}" for line in _lacking(kept))])


def _lacking(kept: Kept) -> list[str]:
    """Which outputs do not have it, and why."""
    details = [f" ({place.detail})" if place.detail else "" for place in kept.places]
    return [
        printable(f"[{place.sink}: {place.state}{detail}]") for place, detail in zip(kept.places, details, strict=True)
    ]
