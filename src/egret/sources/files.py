"""Capture files: what kind one is, and where its frames are."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.base import Progress, Sluice, Source
from egret.sources.bytestream import GZIP_MAGIC, ByteStream, Read
from egret.sources.pcap import MAGICS, read_pcap
from egret.sources.pcapng import SECTION_MAGIC, read_pcapng

STDIN = "-"
READ = "pcap, pcapng, snoop, ERF, Network Monitor and analysers' own formats, also in gzip"

_FORMATS: dict[bytes, Callable[[ByteStream], Iterator[Frame]]] = {
    **dict.fromkeys(MAGICS, read_pcap),
    SECTION_MAGIC: read_pcapng,
}

# What people hand over instead, and what to do about it.
_OTHERS = {
    b"BZh": "bzip2 data; unpack it: bzip2 -d",
    b"\xfd7zXZ": "xz data; unpack it: xz -d",
    b"\x28\xb5\x2f\xfd": "zstd data; unpack it: zstd -d",
    b"\x04\x22\x4d\x18": "lz4 data; unpack it: lz4 -d",
    b"PK\x03\x04": "a zip archive; unpack it",
}


class CaptureFile:
    """The frames of one capture file, pipe or standard input."""

    def __init__(
        self,
        name: str,
        read: Read,
        close: Callable[[], None],
        size: int | None,
        on_progress: Progress | None,
        descriptor: int | None = None,
    ) -> None:
        self.name = name
        self._close = close
        self._stream = ByteStream(read, size, on_progress, descriptor)

    def frames(self, sluice: Sluice | None = None) -> Iterator[Frame]:
        """Yield every frame that can be read, but those that *sluice* takes.

        Raises:
            SourceError: the file is no capture, is cut off or damaged; says at which byte and packet.
        """
        self._stream.sluice = sluice
        try:
            yield from self._open_format()
        except SourceError as error:
            raise SourceError(f"{self.name}: {error}") from error

    def _open_format(self) -> Iterator[Frame]:
        stream = self._stream
        magic = stream.peek(8)
        if magic.startswith(GZIP_MAGIC):
            stream.unzip()
            magic = stream.peek(8)
        if not magic:
            raise SourceError("is empty; a capture has at least a file header")
        reader = _FORMATS.get(magic[:4]) or _rare(magic, stream)
        if reader is None:
            raise SourceError(f"is no capture that Egret reads ({READ}): {_guess(magic)}")
        return reader(stream)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._close()


def _rare(magic: bytes, stream: ByteStream) -> Callable[[ByteStream], Iterator[Frame]] | None:
    """What reads a file of another program, if that is one."""
    from egret.sources import rare  # noqa: PLC0415 (a dozen modules, for what hardly any file is)

    return rare.reader_of(magic, stream.window)


def _guess(magic: bytes) -> str:
    for start, what in _OTHERS.items():
        if magic.startswith(start):
            return f"it looks like {what}"
    return f"it begins with {magic[:4].hex(' ')}"


def open_capture(path: str, on_progress: Progress | None = None) -> Source:
    """Open a capture file.

    Args:
        path: a file or a named pipe; ``-`` is standard input.
        on_progress: called after each chunk with the bytes read from the file (packed ones where it is
            packed) and its size, None for a pipe.

    Raises:
        SourceError: there is no such file, or it cannot be opened.
    """
    if path == STDIN:
        return _open_stdin(on_progress)
    try:
        file, size = _open_file(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SourceError(f"{path}: cannot be opened: {reason}") from error
    return CaptureFile(path, file.read, file.close, size, on_progress, file.fileno())


def _open_file(path: str) -> tuple[BinaryIO, int | None]:
    mode = os.stat(path)  # noqa: PTH116 (a path as the operator wrote it, used as it is)
    if stat.S_ISDIR(mode.st_mode):
        raise SourceError(f"{path}: is a directory; name the capture files in it")
    file = open(path, "rb", buffering=0)  # noqa: PTH123, SIM115 (as above; closed by CaptureFile.close)
    return file, mode.st_size if stat.S_ISREG(mode.st_mode) else None


def _open_stdin(on_progress: Progress | None) -> Source:
    stdin = sys.stdin
    if stdin is None or stdin.closed:
        raise SourceError("standard input is closed; name a file or pipe a capture in")
    if stdin.isatty():
        raise SourceError("standard input is a terminal; pipe a capture in: tcpdump -w - | egret replay -")
    # read1 gives what a pipe has, so that a live one is shown as it comes
    read = getattr(stdin.buffer, "read1", stdin.buffer.read)
    return CaptureFile(STDIN, read, _keep_open, None, on_progress)


def _keep_open() -> None:
    """Standard input is not ours to close."""
