"""TCP connections of which so little has come that somebody else keeps it, and how that comes to the streams after all.

What stands before the observer may keep a connection's first segments as long as they are of the most ordinary kind
(``worker.quick``). As soon as anything else comes of that connection, from wherever, the streams get them first, in
their order; but where that completes one plain hello, of a connection that the streams never heard of, all of it is
told at once. Nothing is kept over the turn of a second, when the streams look about for what has waited too long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from egret.decode.packet import Packet
from egret.model import Event, Transport
from egret.track.direction import ends_of, opposite
from egret.track.naming import Ends
from egret.track.streams import Streams

_SETTLING = 0x07  # FIN, SYN, RST
_TCP = Transport.TCP  # an enum's attribute costs a look-up each time
_new = tuple.__new__
Whole = tuple[int, str | None, bytes]


class Keeper(Protocol):
    """Who keeps segments, by the ends of the client's direction."""

    def __len__(self) -> int:
        """Connections."""
        ...

    def take(self, ends: bytes) -> Sequence[Packet]:
        """The segments of one connection, if there are any; they are kept no more."""
        ...

    def whole(self, ends: bytes, seq: int, payload: bytes) -> Whole | None:
        """All that a client said, if that is a plain hello and ends with *payload* at *seq*.

        With it come the first sequence number and the interface of its SYN.
        """
        ...

    def drop(self, ends: bytes) -> None:
        """Keep nothing of one connection that is kept."""
        ...

    def take_all(self) -> Sequence[Packet]:
        """Everything, the segments of each connection in their order."""
        ...


class HeldBack:
    """Stands before the streams; without a keeper it is not there."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._feed = streams.feed
        self.keeper: Keeper | None = None

    def feed(self, packet: Packet) -> list[Event]:
        """Take one segment; what it settled."""
        keeper = self.keeper
        if not keeper:
            return self._feed(packet)
        ends = ends_of(packet.source, packet.destination)
        if packet.payload and not packet.flags & _SETTLING:
            whole = keeper.whole(ends, packet.seq, bytes(packet.payload))
            events = None if whole is None else self._greet(whole, ends, packet)
            if events is not None:
                keeper.drop(ends)
                return events
        return self._each((*keeper.take(ends), *keeper.take(opposite(ends)), packet))

    def _greet(self, whole: Whole, ends: bytes, packet: Packet) -> list[Event] | None:
        first, interface, data = whole
        told = _new(Ends, (_TCP, packet.source, packet.destination, interface))
        return self._streams.hellos.greet(told, ends, first, data, packet.time_ns)

    def give_back(self) -> list[Event]:
        """Let the streams have all that is kept."""
        return self._each(self.keeper.take_all()) if self.keeper else []

    def expire(self, time_ns: int) -> list[Event]:
        """Settle what has waited long enough at *time_ns*."""
        return self.give_back() + self._streams.expire(time_ns)

    def last_words(self) -> Iterator[Event]:
        """The end of the input: settle everything, one after the other."""
        yield from self.give_back()
        yield from self._streams.last_words()

    def _each(self, packets: Sequence[Packet]) -> list[Event]:
        return [event for packet in packets for event in self._feed(packet)]
