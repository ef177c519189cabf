"""Segments that begin no connection, but of which something is known: DNS, keep-alive bytes, what had begun before.

``Quick`` asks about those that it knows nothing of. The compiled one does as much: ``native/followed.c``, ``quick.c``.
"""

from __future__ import annotations

from collections.abc import Callable

from egret.decode.plain_hello import first_of_plain
from egret.decode.plain_link import Buffer
from egret.decode.plain_request import MAX_PLAIN, REQUEST_STARTS, read_plain
from egret.track.direction import opposite
from egret.track.streams import Streams
from egret.worker.dns_talks import DnsTalks
from egret.worker.quick import NO, TAKEN, Quick

_SETTLING = 0x07  # FIN, SYN, RST
_DNS_PORT, _FROM, _TO = b"\0\x35", slice(-4, -2), slice(-2, None)  # and where the ports are in a frame's ends
_HELLO_START = 0x16
_BEGINS = REQUEST_STARTS | {_HELLO_START}


class Beside:
    """What one observer's ``quick`` asks.

    Args:
        quick: takes connections.
        dns: takes messages.
        streams: the observer's.
        measured: whether the bytes between two ends are counted.
    """

    def __init__(self, quick: Quick, dns: DnsTalks, streams: Streams, measured: Callable[[bytes], bool]) -> None:
        self._begin_late = quick.begin_late
        self._dns = dns.take
        self._streams = streams
        self._measured = measured

    def take(
        self, buffer: Buffer, at: int, end: int, ends: bytes, seq: int, flags: int, time_ns: int, interface: str | None
    ) -> int:
        """As ``Quick.segment``."""
        if self._measured(ends):
            return NO
        if ends[_TO] == _DNS_PORT or ends[_FROM] == _DNS_PORT:
            return TAKEN if self._dns(buffer, at, end, ends, seq, flags, time_ns, interface) else NO
        if at == end or flags & _SETTLING:
            return NO
        if end - at == 1:
            return TAKEN if self._streams.repeats(hash(ends), seq, time_ns) else NO
        if buffer[at] not in _BEGINS or end - at > MAX_PLAIN or not self._is_new(ends):
            return NO
        data = bytes(buffer[at:end])
        is_plain = read_plain(data) is not None if data[0] != _HELLO_START else first_of_plain(data) == len(data)
        return TAKEN if is_plain and self._begin_late(ends, seq, data, time_ns, interface) else NO

    def _is_new(self, ends: bytes) -> bool:
        """Whether nothing is known of requests and replies between two ends, which may be older than the rest."""
        key, back, streams = hash(ends), hash(opposite(ends)), self._streams
        return not (key in streams.requested or key in streams.replied or back in streams.replied)
