"""The ``egret`` command: one file a sub-command, one place for exit codes."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from egret import __version__
from egret.cli.commands import Commands, fill
from egret.cli.output import FAILED, USAGE, complain, complain_all
from egret.errors import ConfigError, ConfigErrors, EgretError, GeoError

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


def main() -> None:
    """Run the command line; every way out is an exit code of the contract, never a traceback."""
    os.environ.setdefault(
        "PYDANTIC_DISABLE_PLUGINS", "__all__"
    )  # strangers' code, looked for in every package there is
    sys.exit(invoke(sys.argv[1:]))


def invoke(arguments: list[str]) -> int:
    """Run *arguments* and return the exit code: 0 fine, 1 failed, 2 bad usage or input, 3 found."""
    if sys.stdout is None:
        complain("standard output is closed; give it somewhere to go, as in > /dev/null")
        return FAILED
    try:
        return _run_command(arguments)
    except TyperException as error:
        if message := error.format_message():  # empty where the help itself was the answer
            complain(message)
        return USAGE
    except (ConfigError, ConfigErrors) as error:
        complain_all(error)
        return USAGE
    except GeoError as error:
        complain(str(error))
        return USAGE
    except EgretError as error:
        complain(str(error))
        return FAILED
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except OSError as error:
        return _unheard(error)
    except Exception as error:  # noqa: BLE001 - the last door: a bug must not become a page of traceback
        return _bug(error)


def _run_command(arguments: list[str]) -> int:
    code = 0
    command = typer.main.get_command(app)
    try:
        with command.make_context("egret", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as leaving:
        code = leaving.exit_code
    sys.stdout.flush()  # here, where a disk that is full can still be said; at the interpreter's end it cannot
    return code


def _bug(error: Exception) -> int:
    if os.environ.get("EGRET_DEBUG"):
        import traceback  # noqa: PLC0415 (a bug may take its time)

        traceback.print_exception(error)
    complain(f"internal error: {type(error).__name__}: {error} (please report it; EGRET_DEBUG=1 shows where)")
    return FAILED


def _unheard(error: OSError) -> int:
    """A reader that left early is fine, a full disk is not, anything else is a bug."""
    if error.errno not in {errno.EPIPE, errno.ENOSPC}:
        return _bug(error)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter's last flush complains
    if error.errno == errno.EPIPE:
        return 0
    complain("no space left where the output goes; free some, or write it elsewhere")
    return FAILED
