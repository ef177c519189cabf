"""A file, a pipe or standard input as one run of bytes, unpacked on the way, in bounded memory.

Large chunks, no read per packet: a format parses in ``window`` and asks for ``more`` when that ends.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable

from egret.errors import SourceError
from egret.sources.base import Mapped, Progress, Sluice

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"

_UNPACKED = 1 << 22  # most bytes that one step of decompression may give: a gzip bomb comes in such steps
_GZIP_WITH_HEADER = 31  # zlib: window bits of 15, and 16 for the gzip wrapper
_WINDOW = 1 << 18  # of a file that is not mapped: a larger one's memory goes back to the system, and faults in again
_MAPPED = 1 << 22  # bytes of a file that are mapped at a time: what was passed is no memory of ours any more
_ALIGNED = 1 << 21  # mappings begin and end at multiples of it: a huge page each, where the kernel keeps files in such
_MORSEL = 64  # packed bytes at a time when looking for the place where damaged data breaks

Read = Callable[[int], bytes]


class StreamBroken(SourceError):
    """The bytes end or break before the format does; the format adds at which packet."""


class ByteStream:
    """Bytes that *read* gives (at most so many a call, none at the end), with a window to parse in."""

    def __init__(
        self,
        read: Read,
        size: int | None = None,
        on_progress: Progress | None = None,
        descriptor: int | None = None,
    ) -> None:
        self.sluice: Sluice | None = None  # for the formats: they make no frame of what it takes
        self.window: bytes | memoryview = b""  # memoryviews into an old window stay valid
        self.start = 0  # offset of the window's first byte in the unpacked stream
        self._read = read
        self._size = size
        self._descriptor = descriptor
        self._mapped: Mapped | None = None  # whose bytes the window is
        self._mapped_end = 0  # as much of the file can be mapped
        self._from_anywhere: int | None = None  # the file, once it is read from where the window is to begin
        self._on_progress = on_progress
        self._taken = 0
        self._gunzip: _Gunzip | None = None

    def peek(self, size: int) -> bytes:
        """The first *size* bytes of the window, fewer at the end; consumes nothing."""
        while len(self.window) < size and self.more(0):
            pass
        return bytes(self.window[:size])

    def unzip(self) -> None:
        """From here on hand out what gzip had packed; call it before anything was consumed."""
        self._gunzip = _Gunzip(self._read_raw, bytes(self.window))
        self.window = b""

    def more(self, consumed: int) -> bool:
        """Drop *consumed* bytes from the window's front and append the next chunk; False at the end.

        Raises:
            StreamBroken: the file cannot be read or unpacked any further.
        """
        if self._mapped is not None and self._slide(consumed):
            return True
        if self._from_anywhere is not None:
            return self._read_again(self._from_anywhere, consumed)
        chunk = self._read_raw() if self._gunzip is None else self._gunzip.next()
        self.start += consumed
        self.window = bytes(self.window[consumed:]) + chunk
        return bool(chunk)

    def map(self) -> None:
        """From here on have the window be the file itself where that can be done; for formats that expect memory.

        Where not, a window is at least read as a whole, and not put together of the last one's rest and what follows.
        """
        if self._size is not None and self._gunzip is None:
            self._mapped_end = self._size
            if not self._look_at(self.start, self.start + len(self.window) + _MAPPED):
                self._from_anywhere = self._descriptor

    def _read_again(self, descriptor: int, consumed: int) -> bool:
        """What is left of the window once more, with what follows it: less than to copy both.

        Windows are of one size, so that one lies where the one before the last did.
        """
        left = len(self.window) - consumed
        try:
            window = os.pread(descriptor, max(_WINDOW, 2 * left), self.start + consumed)
        except OSError as error:
            raise StreamBroken(f"cannot be read any further: {error.strerror or error}") from error
        self.start += consumed
        found = len(window) > left  # or the file is shorter now: what was read of it stands
        self.window = window if found else bytes(self.window[consumed:])
        if self._on_progress is not None:
            self._on_progress(self.start + len(self.window), self._size)
        return found

    def _slide(self, consumed: int) -> bool:
        """Map the next part of the file; False behind what can be mapped: then it is read, as far as it grew."""
        self.check()
        end = self.start + len(self.window)
        if end < self._mapped_end and self._look_at(self.start + consumed, end + _MAPPED):
            return True
        self.window, self._mapped = bytes(self.window), None
        if self._descriptor is not None:
            os.lseek(self._descriptor, end, os.SEEK_SET)
        return False

    def _look_at(self, start: int, end: int) -> bool:
        if self.sluice is None or self._descriptor is None:
            return False
        first = start - start % _ALIGNED
        end = min(end + -end % _ALIGNED, self._mapped_end)
        try:
            mapped = self.sluice.map(self._descriptor, first, end - first)
        except OSError:
            return False
        if mapped is None:
            return False
        self._mapped = mapped
        self.start, self.window = start, memoryview(mapped)[start - first :]
        if self._on_progress is not None:
            self._on_progress(end, self._size)
        return True

    def check(self) -> None:
        """Say so if some of the window could not be read, and is zeros.

        Raises:
            StreamBroken: it could not.
        """
        if self._mapped is not None and self._mapped.broken:
            raise StreamBroken("it was cut off while it was read, or its disk failed")

    def skip(self, size: int) -> bool:
        """Drop *size* bytes without ever keeping more than a chunk of them; False if they are not all there."""
        while size > len(self.window):
            size -= len(self.window)
            if not self.more(len(self.window)):
                return False
        self.start += size
        self.window = self.window[size:]
        return True

    def _read_raw(self) -> bytes:
        try:
            chunk = self._read(CHUNK)
        except OSError as error:
            raise StreamBroken(f"cannot be read any further: {error.strerror or error}") from error
        self._taken += len(chunk)
        if self._on_progress is not None:
            self._on_progress(self._taken, self._size)
        return chunk


class _Gunzip:
    """Unpack gzip members one after the other, a bounded step at a time."""

    def __init__(self, read: Callable[[], bytes], packed: bytes) -> None:
        self._read = read
        self._packed = packed
        self._engine = zlib.decompressobj(_GZIP_WITH_HEADER)
        self._broken: str | None = None

    def next(self) -> bytes:
        """The next unpacked bytes; none at the end of the last member."""
        while self._broken is None:
            if not self._packed:
                self._packed = self._read()
                if not self._packed:
                    return self._finish()
            if self._engine.eof and not self._open_member():
                return b""
            if unpacked := self._step():
                return unpacked
        raise StreamBroken(self._broken)

    def _open_member(self) -> bool:
        # What is behind the last member and no member itself is padding, as tapes and downloads leave it.
        if not self._packed.startswith(GZIP_MAGIC[:1]):
            return False
        self._engine = zlib.decompressobj(_GZIP_WITH_HEADER)
        return True

    def _step(self) -> bytes:
        before = self._engine.copy()
        try:
            unpacked = self._engine.decompress(self._packed, _UNPACKED)
        except zlib.error as error:
            self._broken = f"its gzip data is damaged ({error}); `gzip -t` says more"
            return self._salvage(before)
        self._packed = self._engine.unused_data if self._engine.eof else self._engine.unconsumed_tail
        return unpacked

    def _salvage(self, engine: zlib._Decompress) -> bytes:
        """What can still be unpacked before the damage: zlib gives nothing back from the step that fails."""
        whole = []
        for start in range(0, len(self._packed), _MORSEL):
            try:
                whole.append(engine.decompress(self._packed[start : start + _MORSEL], _UNPACKED))
            except zlib.error:
                break
        return b"".join(whole)

    def _finish(self) -> bytes:
        if self._engine.eof:
            return b""
        self._broken = "its gzip data ends too early; the file was cut off"
        if rest := self._engine.flush():
            return rest
        raise StreamBroken(self._broken)
