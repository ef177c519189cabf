"""How many payload bytes one direction of a TCP connection carried, by sequence numbers alone.

Neither order nor retransmission nor a lost packet matters: what counts is how far the stream got. Both ends say so,
the sender with its sequence number, the receiver with its acknowledgement.

Ref: RFC 9293 section 3.4 (sequence numbers wrap at 2**32).
"""

from __future__ import annotations

_MASK = 0xFFFFFFFF
MAX_STEP = 1 << 30  # no window is larger (RFC 7323 section 2.3), so no honest stream jumps further
_MAX_LOWERING = 1 << 20  # what a client sends until its name is read


class ByteCount:
    """One direction; ``count`` is in bytes, without SYN and FIN."""

    __slots__ = ("_base", "_fin", "_top", "count")

    def __init__(self) -> None:
        self.count = 0
        self._base: int | None = None  # sequence number of the first byte that counts
        self._top = 0  # the one behind the last byte that counts
        self._fin: int | None = None

    def begin(self, seq: int) -> None:
        """The stream's first byte has number *seq*: what was before it does not count, what is behind it does."""
        if self._base is None:
            self._base = self._top = seq
            return
        lower = (self._base - seq) & _MASK
        if 0 < lower <= _MAX_LOWERING:
            self._base = seq
            self.count += lower

    def is_begun_at(self, seq: int) -> bool:
        """Whether the first byte is known to have this number."""
        return self._base == seq

    def sent(self, seq: int, length: int) -> None:
        """The sender sent *length* bytes from *seq* on."""
        if self._base is None:
            self._base = self._top = seq
        self.acknowledged((seq + length) & _MASK)

    def acknowledged(self, ack: int) -> None:
        """The receiver has everything before *ack*."""
        if self._base is None:
            self._base = self._top = ack
            return
        step = (ack - self._top) & _MASK
        if 0 < step <= MAX_STEP:
            is_behind_fin = self._fin is not None and ack == (self._fin + 1) & _MASK  # it takes a number and is no byte
            if not is_behind_fin:
                self._top = ack
                self.count += step

    def ended(self, fin: int) -> None:
        """The sender's last byte was before *fin*, the number of its FIN."""
        if self._fin is None and self._base is not None:
            self._fin = fin
            if self._top == (fin + 1) & _MASK and self.count:  # acknowledged before we knew that it was a FIN
                self._top = fin
                self.count -= 1
