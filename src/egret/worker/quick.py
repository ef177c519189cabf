"""Young TCP connections that say one plain hello and are done with: held as a few numbers, and never fed.

Most connections begin alike: a SYN, a SYN and ACK, and a TLS hello in one or two segments, of a name, to a server and
by a client of which nothing is known. That changes a few counts and what is remembered of both directions. So much is
done here, where the frames lie. As soon as a segment is any other than that, the observer gets it, and before it what
was held (``track.held``): events, counts and tables are then as if nothing had been held.
"""

from __future__ import annotations

from collections.abc import Callable
from mmap import mmap
from typing import NamedTuple

from egret.decode.packet import Packet
from egret.decode.plain_hello import MAX_PLAIN, first_of_plain, plain_server_name
from egret.model import Endpoint, Transport
from egret.track.direction import opposite
from egret.track.observer import Observer

MAX_HELD = 4_096  # connections; what comes beyond is the observer's at once
MAX_PIECES = 4  # of a hello
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_SETTLING = _FIN | _SYN | _RST
_DNS_PORT = b"\0\x35"
_MASK = 0xFFFFFFFF
_NOTHING = memoryview(b"")
_new = tuple.__new__

Piece = tuple[int, bytes]  # when it came, and what


class Opened(NamedTuple):
    """A connection whose client's SYN came."""

    first: int  # the sequence number behind it
    time_ns: int
    interface: str | None
    generation: int  # of the measured addresses: it was to and from none of those
    back: bytes | None = None  # the ends of the other direction, once its SYN and ACK came
    size: int = 0  # of its hello, once the first piece came
    pieces: tuple[Piece, ...] = ()


class Quick:
    """Holds young connections for one observer.

    Args:
        observer: what sees all that is not held, and what is let go.
        take: counts a hello of a host, between the ends of its direction, of which nothing need be told.
    """

    def __init__(self, observer: Observer, take: Callable[[bytes, bytes], bool]) -> None:
        self._young = observer.streams.young
        self._volumes = observer.volumes
        self._take = take
        self._held: dict[bytes, Opened] = {}
        observer.held.keeper = self

    def __len__(self) -> int:
        return len(self._held)

    def segment(
        self,
        buffer: bytes | bytearray | mmap,
        at: int,
        end: int,
        ends: bytes,
        seq: int,
        flags: int,
        time_ns: int,
        interface: str | None = None,
    ) -> bool:
        """Take a segment and say True; or False, and it is the observer's.

        Args:
            buffer: where its payload lies, from *at* to *end*, whole.
            at: where that begins.
            end: and ends.
            ends: both addresses and both ports, as they lie in the frame.
            seq: its sequence number.
            flags: the low eight bits.
            time_ns: when it came.
            interface: where.
        """
        if not flags & _SETTLING:
            opened = self._held.get(ends)
            return opened is not None and self._hello(opened, ends, seq, bytes(buffer[at:end]), time_ns)
        if at != end:
            return False
        if flags & _SETTLING != _SYN:
            return self._ends(ends)
        if flags & _ACK:
            return self._accepted(ends)
        return self._open(ends, seq + 1 & _MASK, time_ns, interface)

    def _ends(self, ends: bytes) -> bool:
        """Whether a connection ends of which nobody awaits the end."""
        return self._young.decided.get(hash(ends)) is not None and not self._is_measured(ends)

    def _open(self, ends: bytes, first: int, time_ns: int, interface: str | None) -> bool:
        opened = self._held.get(ends)
        if opened is not None:
            return opened.first == first and not self._matters(opened, ends)
        if len(self._held) >= MAX_HELD or ends[-4:-2] == _DNS_PORT or ends[-2:] == _DNS_PORT:
            return False
        if self._is_measured(ends) or self._young.knows(hash(ends)):
            return False
        self._held[ends] = _new(Opened, (first, time_ns, interface, self._volumes.generation, None, 0, ()))
        return True

    def _accepted(self, back: bytes) -> bool:
        ends = opposite(back)
        opened = self._held.get(ends)
        if opened is None or self._matters(opened, ends):
            return False
        if opened.back is None:
            self._held[ends] = opened._replace(back=back)
        return True

    def _hello(self, opened: Opened, ends: bytes, seq: int, data: bytes, time_ns: int) -> bool:
        if self._matters(opened, ends):
            return False
        if opened.pieces:
            return self._piece(opened, ends, seq, data, time_ns)
        if seq != opened.first:
            return False
        if self._is_done(opened, ends, data):
            return True
        size = first_of_plain(data)
        if not len(data) < size <= MAX_PLAIN:
            return False
        self._held[ends] = opened._replace(size=size, pieces=((time_ns, data),))
        return True

    def _piece(self, opened: Opened, ends: bytes, seq: int, data: bytes, time_ns: int) -> bool:
        held = b"".join([piece for _, piece in opened.pieces])
        size = len(held) + len(data)
        if seq != opened.first + len(held) & _MASK or len(data) < 2 or size > opened.size:
            return False  # a lone byte may be a keep-alive's
        if size == opened.size:
            return self._is_done(opened, ends, held + data)
        if len(opened.pieces) == MAX_PIECES:
            return False
        self._held[ends] = opened._replace(pieces=(*opened.pieces, (time_ns, data)))
        return True

    def _is_done(self, opened: Opened, ends: bytes, data: bytes) -> bool:
        """Whether *data* was all that anybody wanted of the connection."""
        host = plain_server_name(data)
        if host is None or not self._take(host, ends):
            return False
        back = opened.back or opposite(ends)
        del self._held[ends]
        self._held.pop(back, None)  # both ends may have said SYN
        self._young.pass_over(hash(ends), hash(back), opened.first, opened.first + len(data) & _MASK)
        return True

    def _matters(self, opened: Opened, ends: bytes) -> bool:
        """Whether the bytes of its addresses' traffic have begun to be counted."""
        return opened.generation != self._volumes.generation and self._is_measured(ends)

    def _is_measured(self, ends: bytes) -> bool:
        if not self._volumes.active:
            return False
        size = (len(ends) - 4) // 2
        return self._volumes.is_armed(ends[:size]) or self._volumes.is_armed(ends[size:-4])

    def take(self, ends: bytes) -> list[Packet]:
        """The segments of one connection, if there are any; they are held no more."""
        opened = self._held.pop(ends, None)
        return [] if opened is None else _packets(opened, ends)

    def take_all(self) -> list[Packet]:
        """Everything, the segments of each connection in their order."""
        held, self._held = self._held, {}
        return [packet for ends, opened in held.items() for packet in _packets(opened, ends)]


def _packets(opened: Opened, ends: bytes) -> list[Packet]:
    """A connection's segments, as they would have been decoded."""
    size = (len(ends) - 4) // 2
    client = Endpoint(ends[:size], int.from_bytes(ends[-4:-2]))
    server = Endpoint(ends[size:-4], int.from_bytes(ends[-2:]))
    seq, interface = opened.first, opened.interface

    def packet(time_ns: int, seq: int, flags: int, data: memoryview = _NOTHING) -> Packet:
        return Packet(time_ns, Transport.TCP, client, server, data, len(data), seq & _MASK, flags, interface)

    found = [packet(opened.time_ns, seq - 1, _SYN)]
    if opened.back is not None:
        found.append(found[0]._replace(source=server, destination=client, flags=_SYN | _ACK))
    for time_ns, data in opened.pieces:
        found.append(packet(time_ns, seq, _ACK, memoryview(data)))
        seq += len(data)
    return found
