"""``egret reload``: the running daemon reads its settings, signatures and databases again, and says how it went."""

from __future__ import annotations

import sys

import typer

from egret.cli.output import FAILED, USAGE, complain
from egret.daemon.control import SOCKET, ask
from egret.names import printable
from egret.settings.places import state_directory

WAIT_S = 120.0  # a large catalogue on a slow machine, and outputs that are flushed


def reload() -> None:
    """Have the running daemon read everything again, without losing a packet or an alert; wait, and say how it went.

    What the daemon cannot use changes nothing and exits 2; where no daemon runs, 1. For root and the service's user.

    Example: sudo egret reload
    """
    path = state_directory() / SOCKET
    try:
        outcome = ask(path, "reload", "", WAIT_S)
    except OSError as error:
        complain(f"{path}: {error}; run it as root or as the service's user")
        raise typer.Exit(FAILED) from None
    except ValueError:
        complain("the daemon ended before it answered; its log says why")
        raise typer.Exit(FAILED) from None
    if outcome is None:
        complain(f"no daemon listens at {path}; egret run starts one; ask as root or as its user")
        raise typer.Exit(FAILED)
    if "error" in outcome:
        complain(printable(str(outcome["error"])))
        raise typer.Exit(FAILED)
    if not outcome.get("applied"):
        complain(f"not taken, what was in use before still is: {printable(str(outcome.get('why')))}")
        raise typer.Exit(USAGE)
    sys.stdout.write("reloaded\n")
    if late := outcome.get("needs_restart"):
        sys.stdout.write(f"at the next start only: {printable(', '.join(map(str, late)))}\n")
