"""Capture files for the commands that read them: one after another, with a progress bar, errors kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from egret.cli.output import FAILED, USAGE, complain
from egret.errors import SourceError
from egret.model import Frame
from egret.sources.base import Progress as Progressed
from egret.sources.files import open_capture

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from egret.worker.gate import Gate

LONG_FILE = 32 * 1024 * 1024  # below this a bar would be gone before it is read


class Captures:
    """Iterates the paths; a file that breaks off is reported and the next one read.

    ``exit_code`` is 0, 1 after a file that broke off (what it held was used), 2 after one that could
    not be opened, is no capture or broke off before its first packet.

    Args:
        paths: files; ``-`` is standard input.
        complain: is told what could not be read.
        on_progress: is told how far a path was read, of how many bytes; without it a bar shows that on a terminal.
    """

    def __init__(
        self,
        paths: Sequence[str],
        complain: Callable[[str], None] = complain,
        on_progress: Callable[[str, int, int | None], None] | None = None,
    ) -> None:
        self.exit_code = 0
        self.complain = complain
        self._paths = paths
        self._on_progress = on_progress
        self._tasks: dict[str, TaskID] = {}
        self._progress: Progress | None = None  # once it is shown
        self._visible = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def frames(self, path: str, gate: Gate | None = None) -> Iterator[Frame]:
        """Every frame of *path* that *gate* lets through; an error ends them, is printed and kept in ``exit_code``."""
        seen = 0
        try:
            source = open_capture(path, on_progress=self._bar(path))
        except SourceError as error:
            self.complain(str(error))
            self.exit_code = USAGE
            return
        try:
            for frame in source.frames(gate.sluice if gate is not None else None):
                seen += 1
                yield frame
        except SourceError as error:
            self.complain(str(error))
            seen += gate.skipped if gate is not None else 0
            self.exit_code = max(self.exit_code, FAILED if seen else USAGE)
        finally:
            source.close()

    def advance(self, path: str, done: int, total: int | None) -> None:
        """Show that *done* of *total* bytes of *path* were read, where that takes a while and somebody looks."""
        if not self._visible or total is None or total < LONG_FILE:
            return
        if self._progress is None:
            self._progress = _progress()
            self._progress.start()
        if path not in self._tasks:
            self._tasks[path] = self._progress.add_task(Path(path).name, total=None)
        self._progress.update(self._tasks[path], completed=done, total=total)

    def _bar(self, path: str) -> Progressed | None:
        if self._on_progress is not None:
            return partial(self._on_progress, path)
        return partial(self.advance, path) if self._visible and Path(path).is_file() else None


def _progress() -> Progress:
    from rich.console import Console  # noqa: PLC0415 (as below)
    from rich.progress import (  # noqa: PLC0415 (few see it: no script, and of a short file nobody)
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    return Progress(*bar, console=Console(stderr=True), transient=True)


def by_time(paths: Sequence[str]) -> list[str]:
    """*paths* by when their first packet came, as incidents need them; as they are if one is no file to look into.

    What cannot be read comes first: it is complained of before anything is said of the others.
    """
    if len(paths) < 2 or not all(Path(path).is_file() for path in paths):
        return list(paths)
    return sorted(paths, key=_first_ns)


def _first_ns(path: str) -> int:
    try:
        source = open_capture(path)
    except SourceError:
        return -1
    try:
        first = next(source.frames(), None)
    except SourceError:
        return -1
    else:
        return -1 if first is None else first.time_ns
    finally:
        source.close()
