"""How the commands talk: results on standard output, everything else on standard error, escaped."""

from __future__ import annotations

import sys

from egret.errors import ConfigError, ConfigErrors
from egret.names import printable

USAGE = 2  # bad usage or bad input
FAILED = 1
FOUND = 3  # --fail-on found something that severe


def complain(message: str) -> None:
    """One message on standard error; what came from outside stays inert."""
    for line in message.splitlines() or [""]:
        sys.stderr.write(f"egret: {printable(line)}\n")


def complain_all(error: ConfigError | ConfigErrors) -> None:
    """Every error of the operator's files, a line each, as ``file:line:column: message (hint)``."""
    for each in error.errors if isinstance(error, ConfigErrors) else [error]:
        sys.stderr.write(f"{printable(str(each))}\n")
