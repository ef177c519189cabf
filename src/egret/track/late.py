"""Connections that were decided, and in which a hello or a request may still begin."""

from __future__ import annotations

from collections import Counter

from egret.decode.http import begins_request
from egret.decode.packet import Packet
from egret.decode.tls import begins_whole_hello, read_hello
from egret.model import Recognition
from egret.track.tables import Remembered

REQUEST_START = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_HELLO_START = 0x16
_RECORD_START = frozenset({0x14, 0x15, _HELLO_START})
_HALF, _MASK = 1 << 31, 0xFFFFFFFF
_ANYTHING = -1  # remembered where nothing was recognised so far; behind a hello it is where that ends


class LateStarts:
    """Where to look once more: nothing was recognised, or TLS may say a second hello in the clear.

    Ref: RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.1.
    """

    def __init__(self, bound: int, evictions: Counter[str]) -> None:
        self._table = Remembered("late_hellos", bound, evictions)

    def __len__(self) -> int:
        return len(self._table)

    def expect(self, key: int, *, behind: int | None = None) -> None:
        """Anything may begin in this direction, or *behind* a sequence number another hello."""
        self._table.put(key, _ANYTHING if behind is None else behind)

    def forget(self, key: int) -> None:
        """Nothing more is expected there."""
        self._table.forget(key)

    def begins(self, key: int, packet: Packet, *, in_tunnel: bool) -> bool:
        """Whether a hello or a request begins with this segment; *in_tunnel*: HTTP was left for something else."""
        first = packet.payload[0]
        if first not in _RECORD_START and first not in REQUEST_START:
            return False
        expected = self._table.get(key)
        if expected is not None and expected != _ANYTHING:
            ahead = (packet.seq - expected) & _MASK < _HALF
            return first in _RECORD_START and ahead and begins_whole_hello(packet.payload)
        if first == _HELLO_START:
            known = expected is not None or in_tunnel
            return known and read_hello(packet.payload[:6]).recognition is not Recognition.NO
        return expected is not None and first in REQUEST_START and begins_request(packet.payload)
