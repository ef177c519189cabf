"""The inputs of commands that answer line by line: arguments, and standard input where one is ``-``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

MAX_LINE = 65536  # no name or address is that long; the rest of a longer line is read and forgotten


def lines(arguments: Iterable[str]) -> Iterator[str]:
    """Each argument, and each line of standard input in the place of ``-``; what is no UTF-8 is escaped."""
    for argument in arguments:
        if argument == "-":
            yield from _stdin_lines()
        else:
            yield argument.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _stdin_lines() -> Iterator[str]:
    read = sys.stdin.buffer.readline
    while line := read(MAX_LINE):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = read(MAX_LINE)
        yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "backslashreplace")
