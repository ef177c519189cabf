"""Several captures at once: a process for each core, and what they find in the order of the files.

What a file says does not depend on the files before it; only what is made of it does, and that is made here, in order.
So the result is that of one process, byte for byte (tests/unit/cli/test_readers.py). One large file alone is divided,
where the work knows how (``cli.division``). Standard input and pipes are read here, in their turn.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from struct import Struct
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Generic, Self, TypeVar

from egret.cli.capture import Captures
from egret.cli.jobs import Divided, Work, is_file
from egret.cli.telling import COMPLAINT, DONE, END, FAILURE, HEADER, PROGRESS, STEP, Hearing, Speaker, fork, tell
from egret.errors import EgretError

_NUMBER = Struct("!I")
_NONE = -1
_AHEAD = 4  # files for each process that may be read before their turn: what they say is kept until then
_KEPT = 1 << 20  # bytes of a later file's steps that stay in memory; more go to a temporary file

T = TypeVar("T")


def _pays(path: str) -> bool:
    from egret.cli.division import pays  # noqa: PLC0415 (most files are read by one)

    return pays(path)


class _Said:
    """What was said of one file and not heard yet."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.ended = False
        self._aside: IO[bytes] | None = SpooledTemporaryFile(_KEPT)  # noqa: SIM115 (closed by ``turn`` or ``close``)

    def add(self, kind: int, data: bytes) -> None:
        self.ended |= kind in {END, FAILURE}
        if self._aside is None:
            self.waiting.append((kind, data))
        else:
            self._aside.write(HEADER.pack(kind, len(data)) + data)

    def turn(self) -> Iterator[tuple[int, bytes]]:
        """It is heard now: what was put aside, and then whatever comes is in ``waiting``."""
        aside, self._aside = self._aside, None
        if aside is not None:
            with aside:
                aside.seek(0)
                while header := aside.read(HEADER.size):
                    kind, size = HEADER.unpack(header)
                    yield kind, aside.read(size)

    def close(self) -> None:
        """Nobody will hear it."""
        if self._aside is not None:
            self._aside.close()


class _Reader:
    """A process that reads files, and the file that it reads."""

    def __init__(self, pid: int, orders: int, news: int) -> None:
        self.pid, self.orders, self.news = pid, orders, news
        self.number = _NONE
        self.hear = Hearing(news).hear

    def order(self, number: int) -> None:
        """Have it read that file."""
        self.number = number
        with suppress(BrokenPipeError):  # it is no more, as ``hear`` will say
            os.write(self.orders, _NUMBER.pack(number))

    def end(self) -> None:
        """Let it go: without another order it ends."""
        os.close(self.orders)
        os.close(self.news)
        os.waitpid(self.pid, 0)


class Readers(Generic[T]):
    """The steps of each capture, in the order of the files.

    Args:
        captures: the files; hears of what could not be read, in that order.
        work: what is done with each.
        jobs: how many processes do it; with 1 it is done here.
        divide: reads one file by several.
    """

    def __init__(
        self, captures: Captures, work: Work[T], jobs: int, divide: Callable[[str, int], Divided[T]] | None = None
    ) -> None:
        self._captures = captures
        self._work = work
        self._jobs = jobs
        self._paths = list(captures)
        self._said: dict[int, _Said] = {}
        self._unread: deque[int] = deque()
        self._turn = 0
        self._readers: list[_Reader] = []
        self._selector = selectors.DefaultSelector()
        self._divide = divide
        self._division: Divided[T] | None = None

    def __enter__(self) -> Self:
        if self._divide is not None and self._jobs > 1 and len(self._paths) == 1 and _pays(self._paths[0]):
            self._division = self._divide(self._paths[0], self._jobs)
            self._division.start()
        elif self._jobs > 1:
            self._unread.extend(number for number, path in enumerate(self._paths) if is_file(path))
            self._said = {number: _Said() for number in self._unread}
            for _ in range(min(self._jobs, len(self._unread))):
                self._readers.append(reader := self._fork())
                self._selector.register(reader.news, selectors.EVENT_READ, reader)
            self._hand_out()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._selector.close()
        if self._division is not None:
            self._division.stop()
        for reader in self._readers:
            if error is not None:
                os.kill(reader.pid, signal.SIGKILL)  # nobody hears it any more
            reader.end()
        for said in self._said.values():
            said.close()

    def __iter__(self) -> Iterator[tuple[str, Iterator[T]]]:
        if self._division is not None:
            yield self._paths[0], self._division.steps()
            return
        for number, path in enumerate(self._paths):
            self._turn = number
            self._hand_out()
            said = self._said.get(number)
            yield path, self._work(self._captures, path) if said is None else self._steps(said)
            self._said.pop(number, None)

    def _hand_out(self) -> None:
        """Give each process that has none the next file, unless its turn is far."""
        for reader in self._readers:
            near = self._unread and self._unread[0] < self._turn + _AHEAD * self._jobs
            if near and reader.number == _NONE:
                reader.order(self._unread.popleft())

    def _steps(self, said: _Said) -> Iterator[T]:
        for kind, data in self._messages(said):
            if kind == STEP:
                yield self._work.load(data)
            elif kind == COMPLAINT:
                self._captures.complain(data.decode("utf-8", "surrogateescape"))
            elif kind == END:
                self._captures.exit_code = max(self._captures.exit_code, data[0])
            else:
                raise pickle.loads(data)  # noqa: S301 (of a process that is our own fork)

    def _messages(self, said: _Said) -> Iterator[tuple[int, bytes]]:
        yield from said.turn()
        while True:
            while said.waiting:
                yield said.waiting.popleft()
            if said.ended:
                return
            self._listen()

    def _listen(self) -> None:
        """Wait until some process says something; whoever is done gets another file."""
        for key, _ in self._selector.select():
            reader: _Reader = key.data
            messages = reader.hear()
            if messages is None:
                self._lost(reader)
                continue
            for kind, data in messages:
                if kind == PROGRESS:
                    self._captures.advance(self._paths[reader.number], *DONE.unpack(data))
                    continue
                self._said[reader.number].add(kind, data)
                if kind in {END, FAILURE}:
                    reader.number = _NONE
        self._hand_out()

    def _lost(self, reader: _Reader) -> None:
        self._selector.unregister(reader.news)
        self._readers.remove(reader)
        reader.end()
        if reader.number != _NONE:
            path = self._paths[reader.number]
            problem = EgretError(f"{path}: the process that read it was ended; try --jobs 1")
            self._said[reader.number].add(FAILURE, pickle.dumps(problem))

    def _fork(self) -> _Reader:
        orders, ordered = os.pipe()
        ours = [ordered, *(end for other in self._readers for end in (other.orders, other.news))]
        serve = partial(_serve, orders, self._paths, self._work)
        pid, heard = fork(serve, ours)
        os.close(orders)
        return _Reader(pid, ordered, heard)


def _serve(orders: int, paths: Sequence[str], work: Work[T], speaker: Speaker) -> None:
    """Read files as they are ordered, until no more are."""
    while ordered := os.read(orders, _NUMBER.size):
        path = paths[_NUMBER.unpack(ordered)[0]]
        tell(path, speaker, partial(_dumped, work, path))


def _dumped(work: Work[T], path: str, captures: Captures) -> Iterator[bytes]:
    return map(work.dump, work(captures, path))
