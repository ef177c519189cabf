"""The command line as typer reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from egret import __version__
from egret.cli.commands import Commands, fill
from egret.cli.output import USAGE, complain

HELP = """Egret sees which outbound connections reach AI services run from the PRC, and says under whose law
and in which country the data lands.

Start with `egret run` as root on a gateway, or `egret replay FILE` on a capture. Authorised use only:
tell the people on the network what is watched.
"""

app = typer.Typer(
    name="egret",
    cls=Commands,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
fill(app)


@app.callback(invoke_without_command=True)
def egret(
    *, version: Annotated[bool, typer.Option("--version", is_eager=True, help="print the version and stop")] = False
) -> None:
    """See the module's HELP; typer shows that one."""
    if version:
        from egret.worker import engine  # noqa: PLC0415 (nobody else needs it for help)

        typer.echo(f"egret {__version__} (gate: {engine.described()})")
        raise typer.Exit


def run_line(arguments: Sequence[str]) -> int:
    """Do what *arguments* say; the exit code, which bad usage has as well.

    Raises:
        KeyboardInterrupt: a question was not answered.
    """
    command = typer.main.get_command(app)
    try:
        with command.make_context("egret", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except TyperException as error:
        if message := error.format_message():  # empty where the help itself was the answer
            complain(message)
        return USAGE
    return 0
