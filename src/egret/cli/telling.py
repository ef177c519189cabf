"""What a process that reads a capture says to the one that forked it: messages through a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from struct import Struct
from typing import NoReturn

from egret.cli.capture import Captures

STEP, COMPLAINT, PROGRESS, END, FAILURE = range(5)
DONE = Struct("!QQ")  # bytes read, and the file's size
HEADER = Struct("!BI")  # what a message is, and its length
_FLUSH = 1 << 16
_READ = 1 << 20
_ROOM = 1 << 20  # in a pipe, where that may be said


class Hearing:
    """One end of a pipe: the messages that came."""

    def __init__(self, news: int) -> None:
        self._news = news
        self._held = b""

    def hear(self) -> Iterator[tuple[int, bytes]] | None:
        """Every whole message that has come, at least some bytes waited for; None: whoever spoke is no more."""
        more = os.read(self._news, _READ)
        return self._messages(self._held + more) if more else None

    def _messages(self, held: bytes) -> Iterator[tuple[int, bytes]]:
        at = 0
        while len(held) - at >= HEADER.size:
            kind, size = HEADER.unpack_from(held, at)
            if len(held) - at - HEADER.size < size:
                break
            at += HEADER.size + size
            yield kind, held[at - size : at]
        self._held = held[at:]


class Speaker:
    """The other end."""

    def __init__(self, news: int) -> None:
        self._news = news
        self._held = bytearray()

    def say(self, kind: int, data: bytes = b"") -> None:
        """Say something; steps are kept until there are some."""
        self._held += HEADER.pack(kind, len(data)) + data
        if kind != STEP or len(self._held) >= _FLUSH:
            self.flush()

    def flush(self) -> None:
        """Say what was kept."""
        with memoryview(bytes(self._held)) as rest:
            at = 0
            while at < len(rest):
                at += os.write(self._news, rest[at:])
        self._held.clear()


def tell(path: str, speaker: Speaker, steps: Callable[[Captures], Iterator[bytes]]) -> None:
    """Say all that *steps* has to say of a file; nothing but a broken pipe is raised."""
    captures = Captures(
        [path],
        complain=lambda text: speaker.say(COMPLAINT, text.encode("utf-8", "surrogateescape")),
        on_progress=partial(_show, speaker),
    )
    try:
        for step in steps(captures):
            speaker.say(STEP, step)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 (raised again where one process would have raised it)
        speaker.say(FAILURE, _pickled(error))
    else:
        speaker.say(END, bytes((captures.exit_code,)))


def _pickled(error: Exception) -> bytes:
    try:
        data = pickle.dumps(error)
        pickle.loads(data)  # noqa: S301 (an exception may be written and not be read)
    except Exception:  # noqa: BLE001
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return data


def _show(speaker: Speaker, _path: str, done: int, total: int | None) -> None:
    speaker.say(PROGRESS, DONE.pack(done, total or done))


def fork(work: Callable[[Speaker], object], ours: Iterable[int]) -> tuple[int, int]:
    """Have another process do *work*.

    Args:
        work: is given what to speak with; the process ends when it returns.
        ours: descriptors that are only this process's.

    Returns:
        Its number, and the end of the pipe where it is heard.
    """
    heard, news = os.pipe()
    with contextlib.suppress(OSError, AttributeError):  # as much as the kernel gives, where it can be asked
        fcntl.fcntl(news, fcntl.F_SETPIPE_SZ, _ROOM)
    pid = os.fork()
    if pid == 0:
        _be(work, (heard, *ours), news)
    os.close(news)
    return pid, heard


def _be(work: Callable[[Speaker], object], others: Iterable[int], news: int) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        for descriptor in others:
            os.close(descriptor)
        work(Speaker(news))
    except BrokenPipeError:  # nobody wants to hear it
        pass
    finally:
        os._exit(0)  # nothing of what was forked is this process's to flush or to close
