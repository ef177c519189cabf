"""Several captures at once: a process for each core, and what they find in the order of the files.

What a file says does not depend on the files before it; only what is made of it does, and that is made here, in order.
So the result is that of one process, byte for byte (tests/unit/cli/test_jobs.py). A file is read by one process:
what a client was told names its later connections, wherever in the file those are, and memory bounds hold for all of
its clients together. Standard input and pipes are read here, in their turn.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import IO, Annotated, Generic, NoReturn, Protocol, Self, TypeVar

import typer

from egret.cli.capture import Captures
from egret.errors import EgretError

AUTO = "auto"
_ENOUGH = 4 << 20  # bytes in all; less is read sooner than processes are made
_HEADER = Struct("!BI")  # what a message is, and its length
_STEP, _COMPLAINT, _PROGRESS, _END, _FAILURE = range(5)
_NUMBER = Struct("!I")
_DONE = Struct("!QQ")  # bytes read, and the file's size
_FLUSH = 1 << 16
_READ = 1 << 20
_NONE = -1
_AHEAD = 4  # files for each process that may be read before their turn: what they say is kept until then
_KEPT = 1 << 20  # bytes of a later file's steps that stay in memory; more go to a temporary file

T = TypeVar("T")

JobsOption = Annotated[
    str,
    typer.Option(
        "--jobs",
        metavar="N|auto",
        help="how many files to read at once, each by one process, a large one too; auto: as many as there are cores",
    ),
]


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


def number_of_jobs(asked: str, paths: Sequence[str]) -> int:
    """How many processes read *paths*; 1: this one does.

    Raises:
        typer.BadParameter: *asked* is neither a number from 1 on nor ``auto``.
    """
    if asked != AUTO and not (asked.isascii() and asked.isdigit() and int(asked)):
        raise typer.BadParameter(f"'{asked}' is no number of jobs: 1, 2, ... or {AUTO}", param_hint="--jobs")
    files = [Path(path) for path in paths if _is_file(path)]
    if asked != AUTO:
        return min(int(asked), len(files)) or 1
    enough = sum(file.stat().st_size for file in files) >= _ENOUGH
    return min(len(os.sched_getaffinity(0)), len(files)) if enough and len(files) > 1 else 1


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


class _Said:
    """What was said of one file and not heard yet."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.ended = False
        self._aside: IO[bytes] | None = tempfile.SpooledTemporaryFile(_KEPT)  # noqa: SIM115 (closed by ``turn`` or ``close``)

    def add(self, kind: int, data: bytes) -> None:
        self.ended |= kind in {_END, _FAILURE}
        if self._aside is None:
            self.waiting.append((kind, data))
        else:
            self._aside.write(_HEADER.pack(kind, len(data)) + data)

    def turn(self) -> Iterator[tuple[int, bytes]]:
        """It is heard now: what was put aside, and then whatever comes is in ``waiting``."""
        aside, self._aside = self._aside, None
        if aside is not None:
            with aside:
                aside.seek(0)
                while header := aside.read(_HEADER.size):
                    kind, size = _HEADER.unpack(header)
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
        self._held = b""

    def hear(self) -> Iterator[tuple[int, bytes]] | None:
        """Every whole message that has come; None: the process is no more."""
        more = os.read(self.news, _READ)
        return self._messages(self._held + more) if more else None

    def _messages(self, held: bytes) -> Iterator[tuple[int, bytes]]:
        at = 0
        while len(held) - at >= _HEADER.size:
            kind, size = _HEADER.unpack_from(held, at)
            if len(held) - at - _HEADER.size < size:
                break
            at += _HEADER.size + size
            yield kind, held[at - size : at]
        self._held = held[at:]

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
    """

    def __init__(self, captures: Captures, work: Work[T], jobs: int) -> None:
        self._captures = captures
        self._work = work
        self._jobs = jobs
        self._paths = list(captures)
        self._said: dict[int, _Said] = {}
        self._unread: deque[int] = deque()
        self._turn = 0
        self._readers: list[_Reader] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        if self._jobs > 1:
            self._unread.extend(number for number, path in enumerate(self._paths) if _is_file(path))
            self._said = {number: _Said() for number in self._unread}
            for _ in range(self._jobs):
                self._readers.append(reader := self._fork())
                self._selector.register(reader.news, selectors.EVENT_READ, reader)
            self._hand_out()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._selector.close()
        for reader in self._readers:
            if error is not None:
                os.kill(reader.pid, signal.SIGKILL)  # nobody hears it any more
            reader.end()
        for said in self._said.values():
            said.close()

    def __iter__(self) -> Iterator[tuple[str, Iterator[T]]]:
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
            if kind == _STEP:
                yield self._work.load(data)
            elif kind == _COMPLAINT:
                self._captures.complain(data.decode("utf-8", "surrogateescape"))
            elif kind == _END:
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
                if kind == _PROGRESS:
                    self._captures.advance(self._paths[reader.number], *_DONE.unpack(data))
                    continue
                self._said[reader.number].add(kind, data)
                if kind in {_END, _FAILURE}:
                    reader.number = _NONE
        self._hand_out()

    def _lost(self, reader: _Reader) -> None:
        self._selector.unregister(reader.news)
        self._readers.remove(reader)
        reader.end()
        if reader.number != _NONE:
            path = self._paths[reader.number]
            problem = EgretError(f"{path}: the process that read it was ended; try --jobs 1")
            self._said[reader.number].add(_FAILURE, pickle.dumps(problem))

    def _fork(self) -> _Reader:
        orders, ordered = os.pipe()
        heard, news = os.pipe()
        pid = os.fork()
        if pid == 0:
            for end in (ordered, heard, *(end for other in self._readers for end in (other.orders, other.news))):
                os.close(end)
            _serve(orders, _Speaker(news), self._paths, self._work)
        os.close(orders)
        os.close(news)
        return _Reader(pid, ordered, heard)


class _Speaker:
    """What a reading process has to say, to the one that forked it."""

    def __init__(self, news: int) -> None:
        self._news = news
        self._held = bytearray()

    def say(self, kind: int, data: bytes = b"") -> None:
        self._held += _HEADER.pack(kind, len(data)) + data
        if kind != _STEP or len(self._held) >= _FLUSH:
            self.flush()

    def flush(self) -> None:
        with memoryview(bytes(self._held)) as rest:
            at = 0
            while at < len(rest):
                at += os.write(self._news, rest[at:])
        self._held.clear()


def _serve(orders: int, speaker: _Speaker, paths: Sequence[str], work: Work[T]) -> NoReturn:
    """Read files as they are ordered, until no more are."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        while ordered := os.read(orders, _NUMBER.size):
            _read(paths[_NUMBER.unpack(ordered)[0]], speaker, work)
    except BrokenPipeError:  # nobody wants to hear it
        pass
    finally:
        os._exit(0)  # nothing of what was forked is this process's to flush or to close


def _read(path: str, speaker: _Speaker, work: Work[T]) -> None:
    captures = Captures(
        [path],
        complain=lambda text: speaker.say(_COMPLAINT, text.encode("utf-8", "surrogateescape")),
        on_progress=partial(_tell, speaker),
    )
    try:
        for step in work(captures, path):
            speaker.say(_STEP, work.dump(step))
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 (raised again where one process would have raised it)
        speaker.say(_FAILURE, _pickled(error))
    else:
        speaker.say(_END, bytes((captures.exit_code,)))


def _pickled(error: Exception) -> bytes:
    try:
        data = pickle.dumps(error)
        pickle.loads(data)  # noqa: S301 (an exception may be written and not be read)
    except Exception:  # noqa: BLE001
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return data


def _tell(speaker: _Speaker, _path: str, done: int, total: int | None) -> None:
    speaker.say(_PROGRESS, _DONE.pack(done, total or done))
