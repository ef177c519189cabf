"""The portable backend: scapy captures, in a process of its own, and frames come back as a pcap stream.

For systems without AF_PACKET, and some thousand packets a second. A process of its own because scapy is
GPL-2.0-only and what else we load is not; and so that this process imports nothing of it.
"""

from __future__ import annotations

import importlib.util
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from egret.errors import SourceError
from egret.model import Frame
from egret.names import printable
from egret.sources.afpacket import RingOptions
from egret.sources.base import Sluice
from egret.sources.live import LinkStatistics
from egret.sources.privileges import Identity

MAGIC = 0xA1B23C4D  # pcap, nanoseconds, in this machine's byte order
FILE_HEADER = struct.Struct("=IHHiIII")
RECORD_HEADER = struct.Struct("=IIII")
MAX_FRAME = 0x40000

_START_TIMEOUT_S = 20.0  # scapy imports for a second or two, longer on a busy machine
_RETRY_S = 2.0
_CHUNK = 1 << 16
_FRAMES_PER_READ = 4096
_ERROR_TEXT = 500  # bytes of a child's last words that are shown

OpenStream = Callable[[str], int]
Socket = socket.socket


@dataclass(frozen=True, slots=True)
class PortableChild:
    """A running child and the end of the stream to read from."""

    process: subprocess.Popen[bytes]
    stream: socket.socket

    def end(self) -> None:
        """Kill and reap it."""
        self.stream.close()
        self.process.kill()
        self.process.wait()


def start_child(interface: str, options: RingOptions, user: Identity | None) -> PortableChild:
    """Start a child that captures *interface*; it becomes *user* once it has its socket.

    Raises:
        SourceError: scapy is not installed.
    """
    if importlib.util.find_spec("scapy") is None:
        raise SourceError("--backend portable needs scapy: pip install 'egret-monitor[portable]'")
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-P", "-m", "egret.sources.portable_child", interface, options.filter]
    command += ["on" if options.promiscuous else "off", str(user.uid) if user else ""]
    with theirs:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs.fileno())
    return PortableChild(process, ours)


class PortableSource:
    """Frames of *interfaces*, each from the stream that *open_stream* gives. As ``LiveSource``, but slow.

    Raises:
        SourceError: a child cannot capture; says why. Later on that is waited for.
    """

    def __init__(self, interfaces: Sequence[str], open_stream: OpenStream) -> None:
        self._open_stream = open_stream
        self._streams = [_Stream(interface) for interface in interfaces]
        for stream in self._streams:
            stream.open(open_stream)

    def read(self, timeout_s: float, sluice: Sluice | None = None) -> Iterator[Frame]:  # noqa: ARG002 (a slow way anyway)
        """Wait up to *timeout_s*, then yield what has come; a frame's data dies at the next."""
        self._reopen()
        poll = select.poll()
        sockets = {stream.socket.fileno(): stream for stream in self._streams if stream.socket}
        for descriptor in sockets:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _event in poll.poll(max(0.0, timeout_s) * 1000):
            yield from sockets[descriptor].frames()

    def statistics(self) -> list[LinkStatistics]:
        """Frames received; what the kernel dropped before scapy is not known here and counts as 0."""
        return [LinkStatistics(s.interface, s.received, 0, 0, s.socket is not None) for s in self._streams]

    def trouble(self) -> dict[str, str]:
        """For each interface that is not captured now: why."""
        return {stream.interface: stream.trouble for stream in self._streams if stream.trouble}

    def close(self) -> None:
        """Close the streams; their children end at the next frame they cannot write, or with the opener."""
        for stream in self._streams:
            stream.close()

    def _reopen(self) -> None:
        for stream in self._streams:
            if stream.socket is None and time.monotonic() >= stream.retry_at_s:
                try:
                    stream.open(self._open_stream)
                except SourceError as error:
                    stream.fail(str(error))


@dataclass(slots=True)
class _Stream:
    """One child's pcap stream, read as it comes."""

    interface: str
    socket: Socket | None = None
    linktype: int = 1
    buffer: bytes = b""
    received: int = 0
    retry_at_s: float = 0.0
    trouble: str | None = None

    def open(self, open_stream: OpenStream) -> None:
        """Take a new stream and read its header."""
        self.socket = socket.socket(fileno=open_stream(self.interface))
        self.socket.settimeout(_START_TIMEOUT_S)
        header = self._take(FILE_HEADER.size)
        if len(header) < FILE_HEADER.size or FILE_HEADER.unpack(header)[0] != MAGIC:
            words = printable((header + self._take(_ERROR_TEXT)).decode("utf-8", "replace").strip())
            self.close()
            raise SourceError(f"{self.interface}: {words or 'the capturing process ended without a word'}")
        self.linktype = FILE_HEADER.unpack(header)[6]
        self.socket.setblocking(False)
        self.buffer, self.trouble = b"", None

    def _take(self, size: int) -> bytes:
        taken = b""
        try:
            while self.socket and len(taken) < size and (chunk := self.socket.recv(size - len(taken))):
                taken += chunk
        except OSError:
            return taken
        return taken

    def frames(self) -> Iterator[Frame]:
        """The whole records that have come."""
        for _ in range(_FRAMES_PER_READ):
            if self.socket is None or not self._fill(self.socket):
                return
            at = 0
            while frame := self._frame(at):
                at += RECORD_HEADER.size + len(frame.data)
                self.received += 1
                yield frame
            self.buffer = self.buffer[at:]

    def _fill(self, stream: Socket) -> bool:
        try:
            chunk = stream.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self.fail("the capturing process ended; the interface may be gone; starting another")
            return False
        self.buffer += chunk
        return True

    def _frame(self, at: int) -> Frame | None:
        if len(self.buffer) < at + RECORD_HEADER.size:
            return None
        seconds, nanoseconds, kept, length = RECORD_HEADER.unpack_from(self.buffer, at)
        start = at + RECORD_HEADER.size
        if kept > MAX_FRAME:
            self.fail("the capturing process sent rubbish; starting another")
            return None
        if len(self.buffer) < start + kept:
            return None
        data = memoryview(self.buffer)[start : start + kept]
        return Frame(seconds * 1_000_000_000 + nanoseconds, self.linktype, data, length, self.interface)

    def fail(self, trouble: str) -> None:
        """Close, and say when to try again."""
        self.close()
        self.trouble = trouble
        self.retry_at_s = time.monotonic() + _RETRY_S

    def close(self) -> None:
        """Close this end."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        self.buffer = b""
