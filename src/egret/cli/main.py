"""The ``egret`` command: one file a sub-command, one place for exit codes."""

from __future__ import annotations

import errno
import os
import sys

from egret.cli.late import import_command
from egret.cli.output import FAILED, USAGE, complain, complain_all
from egret.cli.plain import ONLY_READ, plain_call
from egret.errors import ConfigError, ConfigErrors, EgretError, GeoError
from egret.worker.heap import rest


def main() -> None:
    """Run the command line; every way out is an exit code of the contract, never a traceback."""
    os.environ.setdefault(
        "PYDANTIC_DISABLE_PLUGINS", "__all__"
    )  # strangers' code, looked for in every package there is
    arguments = sys.argv[1:]
    only_reads = bool(arguments) and arguments[0] in ONLY_READ
    if only_reads:
        rest()  # from its first line to its last
    code = invoke(arguments)
    if only_reads and code == 0:
        os._exit(code)  # all is said and written; to take everything apart first is a thirtieth of a start
    sys.exit(code)


def invoke(arguments: list[str]) -> int:
    """Run *arguments* and return the exit code: 0 fine, 1 failed, 2 bad usage or input, 3 found."""
    if sys.stdout is None:
        complain("standard output is closed; give it somewhere to go, as in > /dev/null")
        return FAILED
    try:
        return _run_command(arguments)
    except (ConfigError, ConfigErrors) as error:
        complain_all(error)
        return USAGE
    except GeoError as error:
        complain(str(error))
        return USAGE
    except EgretError as error:
        complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _unheard(error)
    except Exception as error:  # noqa: BLE001 - the last door: a bug must not become a page of traceback
        return _bug(error)


def _run_command(arguments: list[str]) -> int:
    call = plain_call(arguments)
    code: int = import_command("app").run_line(arguments) if call is None else call()
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
