"""Messages between our processes: JSON objects over a SOCK_SEQPACKET pair, with descriptors beside them.

Each message arrives whole or not at all. Nothing here blocks: a full channel says so, and the caller drops and
counts. What comes in may be forged (a worker parses hostile bytes): it is bounded, checked, and never
carries a descriptor unless the reader asked for one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from egret.errors import SourceError

MAX_MESSAGE = 128 * 1024  # bytes; a socket's default buffer holds one such message
_WRITTEN = json.JSONEncoder(separators=(",", ":")).encode  # ``json.dumps`` would make one a message
_WANTED_BUFFER = 4 << 20  # the kernel grants up to net.core.wmem_max


class ChannelClosed(SourceError):
    """The process at the other end is gone."""


class BadMessage(SourceError):
    """What came is no message of ours."""


class Received(NamedTuple):
    """One message; its descriptors are the receiver's to close."""

    message: dict[str, object]
    descriptors: tuple[int, ...]


class Channel:
    """One end; ``fileno`` is for a poller."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._asked = 0

    def fileno(self) -> int:
        """The descriptor; readable when a message is there or the other end is gone."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close this end; safe to call twice."""
        self._socket.close()

    def send(self, message: Mapping[str, object], descriptors: Sequence[int] = ()) -> bool:
        """Send one message; False if the channel is full and it was not sent.

        Raises:
            ChannelClosed: the other end is gone.   BadMessage: it is longer than MAX_MESSAGE.
        """
        data = _WRITTEN(message).encode()
        if len(data) > MAX_MESSAGE:
            raise BadMessage(f"a message of {len(data)} bytes; at most {MAX_MESSAGE}")
        try:
            if descriptors:
                socket.send_fds(self._socket, [data], descriptors)
            else:
                self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            raise ChannelClosed(f"the other process is gone: {error.strerror}") from None
        return True

    def receive(self, descriptors: int = 0) -> Received | None:
        """The next message, None if there is none now; *descriptors*: how many it may carry.

        Raises:
            ChannelClosed: the other end is gone.   BadMessage: not a JSON object, or too long.
        """
        try:
            data, passed = self._receive(descriptors)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            raise ChannelClosed(f"the other process is gone: {error.strerror}") from None
        if not data:
            raise ChannelClosed("the other process is gone")
        try:
            return Received(_parse(data), tuple(passed))
        except BadMessage:
            close_all(passed)
            raise

    def _receive(self, descriptors: int) -> tuple[bytes, list[int]]:
        if not descriptors:
            return self._socket.recv(MAX_MESSAGE + 1), []  # no room for descriptors: the kernel drops them
        data, passed, _flags, _address = socket.recv_fds(self._socket, MAX_MESSAGE + 1, descriptors)
        for descriptor in passed:
            os.set_inheritable(descriptor, False)
        return data, passed

    def ask(self, message: Mapping[str, object], timeout_s: float, descriptors: int = 0) -> Received:
        """Send *message* and wait for its answer.

        Raises:
            SourceError: the answer is an error, does not come in time, or the other end is gone.
        """
        self._asked += 1
        if not self.send({**message, "id": self._asked}):
            raise SourceError("the opener does not listen")
        while True:
            answer = self.expect(timeout_s, descriptors)
            if answer.message.get("id") == self._asked:
                return answer
            close_all(answer.descriptors)  # late, to a question that was given up

    def expect(self, timeout_s: float, descriptors: int = 0) -> Received:
        """Wait for one message.

        Raises:
            SourceError: as ``ask``.
        """
        answer = self.receive(descriptors) if self.wait(timeout_s) else None
        if answer is None:
            raise SourceError(f"the opener did not answer within {timeout_s:g} s")
        if "error" in answer.message:
            close_all(answer.descriptors)
            raise SourceError(str(answer.message["error"]))
        return answer

    def wait(self, timeout_s: float) -> bool:
        """Whether a message, or the end, comes within *timeout_s*."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))


def pair() -> tuple[Channel, Channel]:
    """Two connected ends, with as much buffer as the kernel grants."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _WANTED_BUFFER)
    return Channel(ends[0]), Channel(ends[1])


def adopt(descriptor: int) -> Channel:
    """The channel behind a descriptor that another process passed."""
    return Channel(socket.socket(fileno=descriptor))


def close_all(descriptors: Sequence[int]) -> None:
    """Close what nobody wants."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _parse(data: bytes) -> dict[str, object]:
    if len(data) > MAX_MESSAGE:
        raise BadMessage("a message that is too long")
    try:
        message = json.loads(data.decode("utf-8"))  # given bytes, json guesses at UTF-16 and imports a codec
    except (ValueError, RecursionError):
        raise BadMessage("a message that is not JSON") from None
    if not isinstance(message, dict):
        raise BadMessage("a message that is no object")
    return message
