"""HTTP connections whose every request is a plain one: nothing of them need be told, the streams never hear of them.

What a connection's client says is followed request by request, as in ``track.requests``, in the same table: where the
next one begins and what the last one named is all that is known while nothing waits. A segment that is one plain
request, or lies within the body of the last, changes that and a few counts. Any other is the observer's, which finds
the connection as if it had followed it from the beginning. ``native/talks.c`` is the same in C.
"""

from __future__ import annotations

from egret.decode.plain_link import Buffer
from egret.decode.plain_request import MAX_PLAIN, PlainRequest, read_plain
from egret.track.direction import opposite
from egret.track.observer import Observer
from egret.worker.requested import Requested

_HALF, _MASK = 1 << 31, 0xFFFFFFFF


class Talks:
    """What one observer knows of HTTP connections.

    Args:
        observer: that sees all other segments.
        requested: counts requests of which nothing need be told.
    """

    def __init__(self, observer: Observer, requested: Requested) -> None:
        young = observer.streams.young
        self._decide, self._decided, self._late = young.decide_ends, young.decided.get, young.late.table.get
        self._followed, self._replied = young.followed, observer.streams.replied
        self._requested = requested
        table = observer.streams.requests.table
        self._resting, self._rest = table.resting, table.rest

    def begin(self, ends: bytes, back: bytes, interface: str | None, first: int, request: PlainRequest) -> bool:
        """Take the first segment of a connection of which nothing is known, at sequence number *first*."""
        if not self._requested.begins(request.host, ends):
            return False
        key = hash(ends)
        self._decide(key, hash(back), first)
        self._rest(key, ends, interface, first + request.size & _MASK, request.host)
        return True

    def go_on(self, buffer: Buffer, at: int, end: int, ends: bytes, seq: int) -> bool:
        """Take a later segment, with the payload ``buffer[at:end]``, and say True; or False: it is the observer's."""
        key = hash(ends)
        rest = self._resting(key)
        if rest is None or not self._is_followed_here(key):
            return False
        both, interface, expected, host = rest
        behind, size = expected - seq & _MASK, end - at
        if behind:
            return size <= behind < _HALF
        request = read_plain(bytes(buffer[at:end])) if size <= MAX_PLAIN else None
        if request is None or not self._may_pass(ends, host, request.host):
            return False
        self._rest(key, both, interface, seq + request.size & _MASK, request.host)
        return True

    def _is_followed_here(self, key: int) -> bool:
        """Whether the streams have nothing of a direction but that it was decided, as a client's."""
        decided = self._decided(key)
        return decided is not None and decided >= 0 and self._late(key) is None and key not in self._followed

    def _may_pass(self, ends: bytes, before: bytes, host: bytes) -> bool:
        """Whether nothing need be told of a request, which is counted then: nobody awaits its reply."""
        if self._replied and hash(opposite(ends)) in self._replied:
            return False
        return self._requested.goes_on(host, before, ends)
