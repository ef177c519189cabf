"""Pieces of a byte stream, in any order, put together: for TCP segments and for QUIC CRYPTO frames.

The first copy of a byte wins, whatever a later copy says: so a forged retransmission cannot replace
what was read, and the answer does not depend on how often a piece was repeated.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

MAX_PIECES = 1024  # holes an attacker can make in one stream before the rest is refused

_NONE = ()
_AT_0 = (0,)


class Assembly:
    """Bytes at offsets of one stream. *limit* bounds the bytes kept, at any offsets."""

    __slots__ = ("_chunks", "_limit", "_starts", "conflict", "full", "size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Ascending; never overlapping. Of thousands that wait nearly all hold one piece: lists are made for the second.
        self._starts: Sequence[int] = _NONE
        self._chunks: Sequence[bytes | bytearray] = _NONE
        self.size = 0
        self.full = False  # bytes were refused
        self.conflict = False  # a later copy differed from the first

    def add(self, offset: int, data: bytes | memoryview) -> bool:
        """Put *data* at *offset*, which may be negative; what is there already stays.

        Returns:
            Whether anything new was kept.
        """
        before = self.size
        if not before:
            self._begin(offset, bytes(data))
        elif offset == self._starts[-1] + len(self._chunks[-1]):
            self._extend_last(data)
        else:
            self._fill(offset, bytes(data))
        return self.size > before

    def _begin(self, offset: int, data: bytes) -> None:
        """The first piece; for most it is the only one."""
        if len(data) > self._limit:
            self.full = True
            data = data[: self._limit]
        if data:
            self._starts = (offset,) if offset else _AT_0
            self._chunks = (data,)
            self.size = len(data)

    def _lists(self) -> tuple[list[int], list[bytearray]]:
        """All runs, for changing them."""
        starts, chunks = self._starts, self._chunks
        if not isinstance(starts, list):
            self._starts, self._chunks = list(starts), [bytearray(chunk) for chunk in chunks]
        return self._starts, self._chunks  # type: ignore[return-value]  # both are lists now

    def _extend_last(self, data: bytes | memoryview) -> None:
        """The ordinary case: the next piece in order."""
        room = self._limit - self.size
        if len(data) > room:
            self.full = True
            data = data[:room]
        self._lists()[1][-1] += data
        self.size += len(data)

    def _fill(self, offset: int, data: bytes) -> None:
        """Put the parts of *data* that no chunk holds yet into the holes."""
        end = offset + len(data)
        position = offset
        while position < end:
            index = bisect_right(self._starts, position) - 1
            if index >= 0 and self._starts[index] + len(self._chunks[index]) > position:
                position = self._compare(index, position, end, data, offset)
                continue
            following = index + 1
            hole_end = min(end, self._starts[following]) if following < len(self._starts) else end
            if not self._insert(following, position, data[position - offset : hole_end - offset]):
                return
            position = hole_end

    def _compare(self, index: int, position: int, end: int, data: bytes, offset: int) -> int:
        """Pass over what is held already; remember if the copies disagree. Returns where it ends."""
        start, chunk = self._starts[index], self._chunks[index]
        stop = min(end, start + len(chunk))
        if chunk[position - start : stop - start] != data[position - offset : stop - offset]:
            self.conflict = True
        return stop

    def _insert(self, index: int, start: int, data: bytes) -> bool:
        """Insert a chunk into a hole, joined to the chunk that it touches on the left."""
        room = self._limit - self.size
        if len(data) > room:
            self.full = True
            data = data[:room]
        starts, chunks = self._lists()
        joins = index > 0 and starts[index - 1] + len(chunks[index - 1]) == start
        if not data or (not joins and len(starts) >= MAX_PIECES):
            self.full = True
            return False
        self.size += len(data)
        if joins:
            chunks[index - 1] += data
            _join_right(starts, chunks, index - 1)
        else:
            starts.insert(index, start)
            chunks.insert(index, bytearray(data))
            _join_right(starts, chunks, index)
        return True

    @property
    def start(self) -> int:
        """The lowest offset held; 0 when nothing is."""
        return self._starts[0] if self._starts else 0

    def starts(self) -> tuple[int, ...]:
        """Where each run of bytes begins, ascending."""
        return tuple(self._starts)

    def length_at(self, offset: int) -> int:
        """How many bytes lie at *offset* without a hole."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0:
            return 0
        return max(0, self._starts[index] + len(self._chunks[index]) - offset)

    def run(self, offset: int) -> bytes:
        """The bytes at *offset* up to the first hole."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0:
            return b""
        return bytes(self._chunks[index][max(0, offset - self._starts[index]) :])

    def drop_before(self, offset: int) -> None:
        """Forget every byte before *offset*: it was used."""
        if not self._starts or self._starts[0] >= offset:
            return
        starts, chunks = self._lists()
        while starts and starts[0] < offset:
            chunk, start = chunks[0], starts[0]
            if start + len(chunk) <= offset:
                self.size -= len(chunk)
                del starts[0], chunks[0]
                continue
            del chunk[: offset - start]
            self.size -= offset - start
            starts[0] = offset
        if not starts:
            self._starts = self._chunks = _NONE

    @property
    def cost(self) -> int:
        """Bytes of memory, roughly: what is held and what holding it takes."""
        return self.size + 160 * len(self._starts) + 200


def _join_right(starts: list[int], chunks: list[bytearray], index: int) -> None:
    """Merge with the right neighbour where the hole between them is closed."""
    following = index + 1
    if following < len(starts) and starts[index] + len(chunks[index]) == starts[following]:
        chunks[index] += chunks.pop(following)
        del starts[following]
