"""One bounds check for everything that is read from the wire.

A slice of Python bytes is silently short; a ``Reader`` is not. Outside any length block a short read
is ``Truncated`` (the capture ends before the message does); inside a block, whose bytes are all here,
it is ``Malformed`` (the message contradicts itself). A block must be read to its last byte.
"""

from __future__ import annotations

from struct import Struct
from types import TracebackType
from typing import Any

from egret.errors import Malformed, Reason, Truncated


def unpack(layout: Struct, data: bytes | memoryview, offset: int = 0) -> tuple[Any, ...]:
    """Unpack *layout* at *offset*.

    Raises:
        Truncated: *data* ends before the last field does.
    """
    if len(data) - offset < layout.size:
        raise Truncated(len(data))
    return layout.unpack_from(data, offset)


class Reader:
    """A cursor over bytes that never reads beyond *end*. Does not copy and does not keep what it hands out."""

    __slots__ = ("_depth", "data", "end", "offset")

    def __init__(self, data: bytes | memoryview, offset: int = 0, end: int | None = None) -> None:
        self.data = data
        self.offset = offset
        self.end = len(data) if end is None else end
        self._depth = 0

    @property
    def remaining(self) -> int:
        """Bytes left before the end of the innermost block."""
        return self.end - self.offset

    def _advance(self, size: int) -> int:
        start = self.offset
        if size > self.end - start:
            raise Malformed(Reason.BAD_LENGTH, start) if self._depth else Truncated(start)
        self.offset = start + size
        return start

    def take(self, size: int) -> bytes:
        """Copy out the next *size* bytes."""
        start = self._advance(size)
        return bytes(self.data[start : self.offset])

    def skip(self, size: int) -> None:
        """Step over *size* bytes."""
        self._advance(size)

    def uint(self, size: int) -> int:
        """Read a big-endian unsigned integer of *size* bytes."""
        start = self._advance(size)
        return int.from_bytes(self.data[start : self.offset], "big")

    def varint(self) -> int:
        """Read a variable-length integer of 1, 2, 4 or 8 bytes (RFC 9000 section 16)."""
        size = 1 << (self.uint(1) >> 6)
        self.offset -= 1
        return self.uint(size) & ((1 << (8 * size - 2)) - 1)

    def rest(self) -> bytes:
        """Copy out what is left of the innermost block."""
        return self.take(self.remaining)

    def block(self, prefix: int) -> _Block:
        """Enter the block whose length is the next *prefix* bytes; use in ``with``.

        Raises:
            Truncated: the block ends beyond the data.
            Malformed: it ends beyond the block around it, or is left before its last byte.
        """
        return self.span(self.uint(prefix))

    def span(self, size: int) -> _Block:
        """As ``block``, for a *size* that is known already."""
        start = self.offset
        if size > self.end - start:
            raise Malformed(Reason.BAD_LENGTH, start) if self._depth else Truncated(start)
        return _Block(self, start + size)


class _Block:
    """The inside of a length-prefixed block: narrows its reader, then gives it back."""

    __slots__ = ("_end", "_outer_end", "_reader")

    def __init__(self, reader: Reader, end: int) -> None:
        self._reader = reader
        self._end = end
        self._outer_end = reader.end

    def __enter__(self) -> Reader:
        reader = self._reader
        reader.end = self._end
        reader._depth += 1  # noqa: SLF001 (one class in two halves)
        return reader

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        reader = self._reader
        reader.end = self._outer_end
        reader._depth -= 1  # noqa: SLF001 (as above)
        if kind is None and reader.offset != self._end:
            raise Malformed(Reason.BAD_LENGTH, reader.offset)
