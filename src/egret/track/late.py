"""Connections that were decided, and in which a hello or a request may still begin."""

from __future__ import annotations

import re
from collections.abc import Callable

from egret.decode.http import MAX_SURE_LINE, begins_request
from egret.decode.packet import Packet
from egret.decode.plain_link import Buffer
from egret.decode.tls import begins_whole_hello, read_hello
from egret.model import Recognition
from egret.track.tables import Memory

_CHANGE, _ALERT, _HELLO_START = 0x14, 0x15, 0x16
REQUEST_START = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
RECORD_START = frozenset({_CHANGE, _ALERT, _HELLO_START})
LATE_START = REQUEST_START | RECORD_START  # a segment that begins with another byte is not worth a look
_BEHIND = {_CHANGE: 6, _ALERT: 7}  # where the next record begins
# A method, and a version before the line ends: bulk that is text begins with a word and a space often enough.
# That it ends is seen first, and once: so nobody can make this long.
_REQUEST = re.compile(rb"[A-Za-z][A-Za-z0-9_-]{1,23}[ \t](?=[^\n]*\n)[^\n]*?HTTP/", re.IGNORECASE).match
_NONE: frozenset[int] = frozenset()
_HALF, _MASK = 1 << 31, 0xFFFFFFFF
_ANYTHING = -1  # remembered where nothing was recognised so far; behind a hello it is where that ends


class LateStarts:
    """Where to look once more: nothing was recognised, or TLS may say a second hello in the clear.

    Ref: RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.1.
    """

    def __init__(self, table: Memory) -> None:
        self.table = table

    @property
    def on_forgetting(self) -> Callable[[], object] | None:
        """Called before anything is expected no more."""
        return self.table.on_forgetting

    @on_forgetting.setter
    def on_forgetting(self, call: Callable[[], object] | None) -> None:
        self.table.on_forgetting = call

    def __len__(self) -> int:
        return len(self.table)

    def expect(self, key: int, *, behind: int | None = None) -> None:
        """Anything may begin in this direction, or *behind* a sequence number another hello."""
        self.table.put(key, _ANYTHING if behind is None else behind)

    def forget(self, key: int) -> None:
        """Nothing more is expected there."""
        self.table.forget(key)

    def starts(self, key: int) -> frozenset[int]:
        """The first bytes of the segments that ``begins`` is worth asking about."""
        expected = self.table.get(key)
        if expected is None:
            return _NONE
        return LATE_START if expected == _ANYTHING else RECORD_START

    def begins(self, key: int, packet: Packet) -> bool:
        """Whether a hello or a request that is expected begins with this segment."""
        expected = self.table.get(key)
        if expected is None:
            return False
        payload = packet.payload
        if expected != _ANYTHING:
            ahead = (packet.seq - expected) & _MASK < _HALF
            return payload[0] in RECORD_START and ahead and begins_whole_hello(payload)
        return begins_hello(payload) or (payload[0] in REQUEST_START and begins_request(payload))


def may_begin(segment: Buffer, at: int, end: int) -> bool:
    """Whether ``begins`` may say so of ``segment[at:end]``, which begins with one of LATE_START.

    In bulk that looks like noise one segment in five begins with such a byte, and next to none goes on like this.
    """
    first = segment[at]
    if first == _HELLO_START:
        return end - at < 2 or segment[at + 1] == 3
    if first in _BEHIND:
        behind = at + _BEHIND[first]
        return behind < end and segment[behind] in {_ALERT, _HELLO_START}
    return _REQUEST(segment, at, min(end, at + MAX_SURE_LINE)) is not None


def begins_hello(segment: memoryview) -> bool:
    """Whether a segment may begin with a hello."""
    return segment[0] == _HELLO_START and read_hello(segment[:6]).recognition is not Recognition.NO
