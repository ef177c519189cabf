"""DNS over TCP whose every message is a plain look-up of a name that no signature names: counted, and never fed.

Each direction is followed message by message in the observer's own table (``track.dns_streams``): where the next one
begins is all that is known while nothing waits. A segment that brings whole messages from there on, or the length of
one alone, changes that and a few counts. Any other is the observer's, which finds the direction as if it had followed
it. ``native/dns_table.c`` is the same in C.
"""

from __future__ import annotations

from egret.decode.plain_link import Buffer
from egret.model import Transport
from egret.track.direction import endpoints_of
from egret.track.dns_streams import DNS_PORT, MAX_QUERY_BYTE, Direction, DnsStreams
from egret.track.heard import Heard
from egret.worker.plain import PlainLookups

_SYN = 0x02
_MASK = 0xFFFFFFFF
_LENGTH = 2  # bytes before a message
_TO = slice(-2, None)
_PORT = DNS_PORT.to_bytes(2)
_TCP = Transport.TCP


class DnsTalks:
    """What one observer knows of DNS over TCP.

    Args:
        streams: the observer's.
        plain: counts messages.
    """

    def __init__(self, streams: DnsStreams, plain: PlainLookups) -> None:
        self._streams = streams
        self._plain = plain.take

    def take(
        self, buffer: Buffer, at: int, end: int, ends: bytes, seq: int, flags: int, time_ns: int, interface: str | None
    ) -> bool:
        """Take a segment with the payload ``buffer[at:end]``, whose bytes nobody counts; False: it is the observer's.

        One of its ports is that of DNS.
        """
        key = hash(ends)
        if flags & _SYN:
            self._streams.begin(key, seq + 1 & _MASK, Heard(time_ns, _TCP, *endpoints_of(ends), interface))
            return True
        direction = self._streams.table.get(key)
        if at == end:
            return direction is None or not direction.foreign
        if direction is None or not direction.sure or direction.foreign:
            return False
        waiting = direction.assembly.size
        if waiting and (waiting != _LENGTH or direction.assembly.start != direction.position):
            return False
        if seq != direction.anchor + direction.position + waiting & _MASK:
            return False
        if not waiting and not direction.position and ends[_TO] == _PORT and buffer[at] >= MAX_QUERY_BYTE:
            return False  # TLS, or text
        return self._read(key, direction, bytes(buffer[at:end]), ends, time_ns)

    def _read(self, key: int, direction: Direction, data: bytes, ends: bytes, time_ns: int) -> bool:
        """Take the messages that *data* brings. Those that were taken are behind where the observer goes on."""
        streams, at = self._streams, 0
        while at < len(data):
            length = direction.assembly.run(direction.position)
            if not length and len(data) == at + _LENGTH:
                return streams.keep_length(key, direction, data[at:], time_ns)
            begin = at if length else at + _LENGTH
            end = begin + int.from_bytes(length or data[at:begin])
            if begin == end or end > len(data) or not self._plain(data[begin:end], ends, time_ns):
                return False
            streams.pass_over(key, direction, end - begin + _LENGTH, time_ns)
            at = end
        return True
