"""How many processes read captures. What makes them is ``cli.readers``, which one process has no need of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol, TypeVar

from egret.cli.capture import Captures

AUTO = "auto"
_ENOUGH = 4 << 20  # bytes in all; less is read sooner than processes are made
MAX_SHARES = 64  # of one file: with more, what each may keep in mind is too little
_LARGE = 256 << 20  # bytes of one file that are worth dividing: two cores break even there

T = TypeVar("T")
S_co = TypeVar("S_co", covariant=True)


class Work(Protocol[T]):
    """What is done with one file: the same object in every process."""

    def __call__(self, captures: Captures, path: str) -> Iterator[T]:
        """The steps of *path*, in order."""
        ...

    def dump(self, step: T) -> bytes:
        """A step for the process that forked this one."""
        ...

    def load(self, data: bytes) -> T:
        """What ``dump`` gave."""
        ...


class Divided(Protocol[S_co]):
    """One file that several processes read."""

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """Let nobody read any more."""
        ...

    def steps(self) -> Iterator[S_co]:
        """Every step, in order."""
        ...


def number_of_jobs(asked: str, paths: Sequence[str], *, divided: bool = False) -> int:
    """How many processes read *paths*; 1: this one does.

    Args:
        asked: what the command line says.
        paths: the files.
        divided: whether one file may be read by several.

    Raises:
        typer.BadParameter: *asked* is neither a number from 1 on nor ``auto``.
    """
    if asked != AUTO and not (asked.isascii() and asked.isdigit() and int(asked)):
        from typer import BadParameter  # noqa: PLC0415 (a line that is read without it is right)

        raise BadParameter(f"'{asked}' is no number of jobs: 1, 2, ... or {AUTO}", param_hint="--jobs")
    files = [Path(path) for path in paths if is_file(path)]
    one = divided and len(files) == len(paths) == 1
    most = MAX_SHARES if one else len(files)
    if asked != AUTO:
        return min(int(asked), most) or 1
    enough = sum(file.stat().st_size for file in files) >= (_LARGE if one else _ENOUGH)
    return min(len(os.sched_getaffinity(0)), most) or 1 if enough else 1


def is_file(path: str) -> bool:
    """Whether that is a file that any process can read."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def each_file(
    captures: Captures, work: Work[T], jobs: int, divide: Callable[[str, int], Divided[T]] | None = None
) -> AbstractContextManager[Iterable[tuple[str, Iterator[T]]]]:
    """The steps of each capture, in the order of the files; to be entered before they are read. See ``Readers``."""
    if jobs > 1:
        from egret.cli.readers import Readers  # noqa: PLC0415 (see the top)

        return Readers(captures, work, jobs, divide)
    return nullcontext((path, work(captures, path)) for path in captures)
