"""One direction of a TCP connection that is read as it goes: what was read is forgotten at once."""

from __future__ import annotations

from egret.track.assembly import Assembly

_HALF, _MASK = 1 << 31, 0xFFFFFFFF
_REBASE = 1 << 30  # bytes after which the anchor moves: offsets must stay far below the half of all numbers


class Cursor:
    """The bytes from the next message's beginning on; what came before its turn waits, up to *limit* bytes."""

    __slots__ = ("_anchor", "_assembly", "_limit", "_position")

    def __init__(self, seq: int, limit: int) -> None:
        self._limit = limit
        self.restart(seq)

    def restart(self, seq: int) -> None:
        """The next message begins at sequence number *seq*; forget everything."""
        self._anchor = seq & _MASK
        self._position = 0
        self._assembly = Assembly(self._limit)

    def add(self, seq: int, data: bytes | memoryview) -> bool:
        """Keep what is new of one segment; whether there was any. Bytes far ahead are refused: see ``full``."""
        offset = ((seq - self._anchor + _HALF) & _MASK) - _HALF
        early = self._position - offset
        if early > 0:
            data = data[early:]
            offset = self._position
        if not data:
            return False
        if offset - self._position > self._limit:
            self._assembly.full = True
            return False
        return self._assembly.add(offset, data[: self._limit + 1])

    @property
    def rests_at(self) -> int | None:
        """The sequence number where the next message begins; None while anything waits."""
        return None if self._assembly.size or self._assembly.full else (self._anchor + self._position) & _MASK

    def is_behind(self, seq: int) -> bool:
        """Whether sequence number *seq* was read, or passed over, before."""
        return (seq - self._anchor - self._position) & _MASK >= _HALF

    def data(self) -> bytes:
        """The bytes in order, up to the first hole."""
        return self._assembly.run(self._position)

    def is_at(self, seq: int) -> bool:
        """Whether sequence number *seq* is where the next message begins, and its first byte has not come."""
        return (seq - self._anchor - self._position) & _MASK == 0 and not self._assembly.length_at(self._position)

    def runs(self) -> list[tuple[int, bytes]]:
        """Every run of bytes that waits, with its sequence number."""
        assembly = self._assembly
        return [((self._anchor + start) & _MASK, assembly.run(start)) for start in assembly.starts()]

    def forget(self) -> None:
        """Keep the place, and nothing that waits there."""
        self._anchor = (self._anchor + self._position) & _MASK
        self.restart(self._anchor)

    def advance(self, size: int) -> None:
        """*size* bytes were read, or need not be: they may lie beyond what has come."""
        self._position += size
        self._assembly.drop_before(self._position)
        if not self._assembly.size:
            self._anchor = (self._anchor + self._position) & _MASK
            self._position = 0
        elif self._position > _REBASE:
            waiting = self.runs()
            self.forget()
            for seq, data in waiting:
                self.add(seq, data)

    def keep_up(self, seq: int) -> None:
        """Nothing waits here; the connection has come as far as *seq*, and its numbers may wrap."""
        if _REBASE <= (seq - self._anchor - self._position) & _MASK < _HALF:
            self.restart(seq - (_REBASE >> 1))

    @property
    def held(self) -> int:
        """Bytes of memory, roughly; 0 when nothing waits."""
        return self._assembly.cost if self._assembly.size else 0

    @property
    def full(self) -> bool:
        """Bytes were refused: what is there will not become a message."""
        return self._assembly.full
