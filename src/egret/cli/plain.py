"""Command lines that name what there is to read, and hardly more: called without typer, which takes long to import.

Everything else is typer's: other options, help, and whatever is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from egret.cli.late import import_command


class _Plain(NamedTuple):
    """What a command's own function does, which typer's calls as well."""

    module: str
    function: str
    reads: bool = True  # files, by one process or several; and there must be one


_PLAIN = {
    "match": _Plain("matching", "match_names", reads=False),
    "observe": _Plain("observing", "observe_files"),
    "replay": _Plain("replaying", "replay_files"),
}
ONLY_READ = frozenset(_PLAIN)  # when they return nothing is left to be done: no thread, no process, nothing to close
_MOST_DIGITS = 6


def plain_call(arguments: Sequence[str]) -> Callable[[], int] | None:
    """What does what *arguments* say, for an exit code; None: it is not so plain."""
    command = _PLAIN.get(arguments[0]) if arguments else None
    if command is None:
        return None
    words, options = list(arguments[1:]), {}
    if command.reads and words[:1] == ["--jobs"] and len(words) > 1 and _is_number(words[1]):
        options, words = {"jobs": words[1]}, words[2:]
    if any(word.startswith("-") and word != "-" for word in words) or (command.reads and not words):
        return None
    return partial(getattr(import_command(command.module), command.function), words, **options)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and word[0] != "0" and len(word) <= _MOST_DIGITS
