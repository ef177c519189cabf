"""One large capture, read by several processes.

Each goes over all of the file and takes the connections that fall to it (``track.share``); what they find is put in the
order of one (``cli.merging``), and so is what one would have said, to the byte (tests/property/test_division.py). Where
the parts of a file turn out to depend on each other, which a process notices before it says anything that may be
different, the file is read again by this one, and what was said already is not said twice.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import Protocol

from egret.cli.capture import Captures
from egret.cli.merging import Merger, Tangle
from egret.cli.reading import Placed
from egret.cli.steps import PartialStep, Passed, Place, Step
from egret.cli.telling import COMPLAINT, DONE, END, FAILURE, PROGRESS, STEP, Hearing, Speaker, fork, tell
from egret.errors import EgretError, SourceError
from egret.sources.bytestream import GZIP_MAGIC
from egret.sources.files import open_capture
from egret.track.partial import Remembers
from egret.track.share import EVERYONE, Share
from egret.worker.engine import is_compiled

_PLACE = Struct("!QQ")
_SAMPLE = 2_000  # frames at a file's beginning


class SharedWork(Protocol):
    """What is done with a file, or with a share of it."""

    def __call__(self, captures: Captures, path: str) -> Iterator[Step]:
        """The steps of *path*, in order."""
        ...

    @property
    def most(self) -> Remembers:
        """What a process that reads all of a file can remember and not forget."""
        ...

    def part(self, captures: Captures, path: str, share: Share) -> Iterator[Placed]:
        """Those of a share of it, and where they belong."""
        ...

    def dump(self, step: PartialStep) -> bytes:
        """A step for the process that forked this one."""
        ...

    def load(self, data: bytes) -> PartialStep:
        """What ``dump`` gave."""
        ...


def pays(path: str) -> bool:
    """Whether most frames at the beginning of a capture are one process's, and not everybody's.

    What is packed is not divided: each would have to unpack all of it, which takes longer than what they share. Nor is
    anything without the compiled gate: in Python to tell whose a frame is takes longer than the frame.
    """
    if not is_compiled():
        return False
    try:
        with Path(path).open("rb") as file:
            packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        source = open_capture(path)
    except (SourceError, OSError):
        return False
    seen = own = 0
    try:
        for frame in islice(source.frames(), _SAMPLE):
            seen += 1
            own += Share(0, 1).whose(frame.data, 0, len(frame.data), frame.linktype) != EVERYONE
    except SourceError:
        pass
    finally:
        source.close()
    return own > seen // 2 and not packed


class _Part:
    """One of the processes."""

    def __init__(self, captures: Captures, work: SharedWork, path: str, share: Share, others: list[_Part]) -> None:
        self._captures = captures
        self._work = work
        self._path = path
        self._is_first = share.number == 0
        self.pid: int
        self.news: int
        self.pid, self.news = fork(partial(_read, work, path, share), [other.news for other in others])
        self.exit_code = 0
        self.complaints: list[str] = []

    def steps(self) -> Iterator[Placed]:
        """What it says, as it comes."""
        hearing = Hearing(self.news)
        while (messages := hearing.hear()) is not None:
            for kind, data in messages:
                if kind == STEP:
                    yield Place(*_PLACE.unpack_from(data)), self._work.load(data[_PLACE.size :])
                elif kind == END:
                    self.exit_code = data[0]
                    return
                elif kind == FAILURE:
                    raise pickle.loads(data)  # noqa: S301 (of a process that is our own fork)
                else:
                    self._note(kind, data)
        raise EgretError(f"{self._path}: a process that read it was ended; try --jobs 1")

    def _note(self, kind: int, data: bytes) -> None:
        """All see the same of the file itself; one says it."""
        if kind == COMPLAINT:
            self.complaints.append(data.decode("utf-8", "surrogateescape"))
        elif kind == PROGRESS and self._is_first:
            self._captures.advance(self._path, *DONE.unpack(data))

    def end(self) -> None:
        """Nobody hears it any more."""
        os.close(self.news)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _read(work: SharedWork, path: str, share: Share, speaker: Speaker) -> None:
    def steps(captures: Captures) -> Iterator[bytes]:
        for place, step in work.part(captures, path, share):
            yield _PLACE.pack(*place) + work.dump(step)
            if isinstance(step, Passed):
                speaker.flush()

    tell(path, speaker, steps)


class Division:
    """The steps of one file, read by *jobs* processes, from when it is entered until it is left."""

    def __init__(self, captures: Captures, work: SharedWork, path: str, jobs: int) -> None:
        self._captures = captures
        self._work = work
        self._path = path
        self._jobs = jobs
        self._parts: list[_Part] = []

    def start(self) -> None:
        """Begin to read."""
        for number in range(self._jobs):
            share = Share(number, self._jobs)
            self._parts.append(_Part(self._captures, self._work, self._path, share, self._parts))

    def stop(self) -> None:
        """Let nobody read any more."""
        while self._parts:
            self._parts.pop().end()

    def steps(self) -> Iterator[Step]:
        """Every step, in order."""
        said = 0
        try:
            for step in Merger([part.steps() for part in self._parts], self._work.most).steps():
                said += 1
                yield step
        except Tangle as tangle:
            self.stop()
            self._captures.complain(f"{self._path}: read by one process after all, for {tangle}")
            yield from islice(self._work(self._captures, self._path), said, None)
            return
        first = self._parts[0]
        for complaint in first.complaints:
            self._captures.complain(complaint)
        self._captures.exit_code = max(self._captures.exit_code, first.exit_code)
