"""Which commands there are. Each is imported when it is called, so that none pays for the others."""

from __future__ import annotations

from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup, TyperOption

from egret.cli.late import import_command
from egret.cli.plain_command import PlainCommand


class Entry(NamedTuple):
    """The first paragraph of a command's own help, and what its module has: a function of its name, or ``app``."""

    help: str
    is_group: bool = False


def _group(words: str) -> Entry:
    return Entry(words, is_group=True)


COMMANDS = {
    "run": Entry("Watch this machine's traffic until stopped, and say who talks to which PRC-run AI service."),
    "reload": Entry(
        "Have the running daemon read everything again, without losing a packet or an alert; wait, and say how it "
        "went.",
    ),
    "replay": Entry("Run captures through detection, jurisdiction and incidents, as the daemon would have seen them."),
    "observe": Entry("Print every name seen in captures as JSON lines: questions, answers, hellos, requests."),
    "match": Entry("Say what the catalogue knows about host names: one JSON line for each, in order."),
    "explain": Entry("Say all that is known about a host name or an address, and how the verdict comes about."),
    "check": Entry("Check the configuration, the catalogue and the databases; every error in one run."),
    "doctor": Entry(
        "Say whether this machine can do it: rights, interfaces, offloads, catalogue, databases, disk, clock."
    ),
    "alerts": _group("Alerts on record: who has them, and sending them again."),
    "approvals": _group("What was decided about services, for whom and until when."),
    "catalog": _group("The signatures: list, prove, compare, export, update."),
    "evidence": _group("The messages that proved incidents, blanked and expiring."),
    "geoip": _group("The databases that say where an address is, and who announces it."),
    "privacy": _group("Pseudonyms, forgetting a client, and who looked at whose history."),
    "web": _group("Who may see the status page: hashes of passwords and tokens."),
}


class Commands(TyperGroup):
    """The list of commands, with nothing behind a name until it is called."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        """Typer's own, said not to be given: of a flag of which nothing is known, typer would ask pydantic."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the arguments name, imported now."""
        name, known, rest = super().resolve_command(ctx, args)
        return name, known if name is None else load(name), rest


def fill(app: typer.Typer) -> None:
    """Give *app* every command's name and line of help."""
    for name, entry in COMMANDS.items():
        app.command(name, help=entry.help)(_placeholder)


def _placeholder() -> None:
    """Stands in the list for a command; what is called is the command itself."""


def load(name: str) -> Any:
    """Import the command *name*, with everything it needs."""
    module = import_command(name)
    app = typer.Typer()
    if COMMANDS[name].is_group:
        app.add_typer(module.app, name=name)
    else:
        app.command(name, cls=PlainCommand)(getattr(module, name))
    return typer.main.get_group(app).commands[name]
