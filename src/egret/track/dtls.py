"""DTLS connections: hello fragments put together, and one observation for each connection.

Only clients send a ClientHello, so the direction needs no port numbers. A server that wants a cookie first
(RFC 6347 section 4.2.1) makes the client send its hello again, with the same random bytes and the next message
number; a lost answer makes it repeat the datagram. A hello whose random bytes were seen last between the
same ends is therefore the same connection; other random bytes are a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from egret.decode import dtls
from egret.decode.dtls import Fragment
from egret.decode.packet import Packet
from egret.decode.tls import MAX_HELLO, parse_client_hello
from egret.errors import DecodeError, Reason
from egret.model import NOTHING, Anomaly, Event, Nameless, Protocol, Transport
from egret.track.assembly import Assembly
from egret.track.direction import endpoints_of, ends_of
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.track.naming import Ends, Namer, Said, said_behind_holes, said_by_hello
from egret.track.tables import LruTable, set_back, unused_since

MAX_HELLOS = 3  # of one pair at a time: without and with a cookie, and one to spare
_RANDOM = slice(2, 34)  # of the body: after the version


class _Hello:
    """One hello message while its fragments come in."""

    __slots__ = ("assembly", "length", "number")

    def __init__(self, number: int, length: int) -> None:
        self.number = number
        self.length = length
        self.assembly = Assembly(MAX_HELLO)

    @property
    def whole(self) -> bool:
        return self.assembly.length_at(0) >= self.length

    @property
    def body(self) -> bytes:
        return self.assembly.run(0)[: self.length]


class _Pair:
    """What is known between one client and one server."""

    __slots__ = ("_interface", "_raw_ends", "cost", "hellos", "key", "last_ns", "said")

    def __init__(self, raw_ends: bytes, interface: str | None) -> None:
        self.key = hash(raw_ends)
        self._raw_ends = raw_ends  # as they lie in a frame: thousands are kept
        self._interface = interface
        self.hellos: tuple[_Hello, ...] = ()
        self.said: bytes | None = None  # the random bytes of the last hello that was said
        self.last_ns = 0
        self.cost = 0

    @property
    def ends(self) -> Ends:
        """The same for what is told."""
        return Ends(Transport.UDP, *endpoints_of(self._raw_ends), self._interface)

    def hello(self, number: int, length: int) -> _Hello:
        """The message of this number and length, which begins if it is not there; the oldest goes for it."""
        for hello in self.hellos:
            if hello.number == number and hello.length == length:
                return hello
        hello = _Hello(number, length)
        self.hellos = (*self.hellos[1 - MAX_HELLOS :], hello)
        return hello


class DtlsFlows:
    """Every DTLS connection that is watched."""

    def __init__(self, limits: Limits, namer: Namer, counters: Counters) -> None:
        self._limits = limits
        self._namer = namer
        self._pairs: LruTable[int, _Pair] = LruTable("dtls_flows", limits.dtls_flows, counters.evictions)
        self._held = 0

    def feed(self, packet: Packet, start: int) -> list[Event]:
        """Take one datagram; its first record, a handshake's, begins at *start*."""
        read = dtls.parse_datagram(bytes(packet.payload), start)
        cut = len(packet.payload) < packet.wire_payload_length
        events: list[Event] = []
        if read.anomaly is not None and not cut:
            events.append(Anomaly(packet.time_ns, Protocol.DTLS.value, read.anomaly, packet.flow, packet.interface))
        if not read.fragments:
            return events
        pair = self._pair(packet, events)
        pair.last_ns = packet.time_ns
        for fragment in read.fragments:
            events += self._fragment(pair, fragment, packet.time_ns)
        self._charge(pair)
        return events + self._bound()

    def _pair(self, packet: Packet, events: list[Event]) -> _Pair:
        ends = ends_of(packet.source, packet.destination)
        pair = self._pairs.get(hash(ends))
        if pair is not None:
            self._pairs.touch(pair.key)
            return pair
        pair = _Pair(ends, packet.interface)
        evicted = self._pairs.put(pair.key, pair)
        if evicted is not None:
            events += self._evict(evicted)
        return pair

    def _fragment(self, pair: _Pair, fragment: Fragment, time_ns: int) -> list[Event]:
        hello = pair.hello(fragment.number, fragment.length)
        hello.assembly.add(fragment.offset, fragment.data)
        if not hello.whole:
            return []
        pair.hellos = tuple(other for other in pair.hellos if other is not hello)
        body = hello.body
        if body[_RANDOM] == pair.said:
            return []
        pair.hellos = ()  # pieces of the same connection's other hello
        return self._say(pair, body, fragment.length, time_ns)

    def _say(
        self,
        pair: _Pair,
        body: bytes,
        length: int,
        time_ns: int,
        reason: Nameless | None = None,
        later: Sequence[bytes] = (),
    ) -> list[Event]:
        """Say what a hello says, as far as it is here."""
        pair.said = body[_RANDOM]
        ends = pair.ends
        try:
            said = said_by_hello(parse_client_hello(dtls.message(body, length), datagram=True), Protocol.DTLS)
        except DecodeError as error:
            behind = said_behind_holes(later, Protocol.DTLS, NOTHING)
            if behind is not None:
                return self._events(behind, ends, time_ns)
            why = Nameless.INCOMPLETE if error.reason is Reason.TRUNCATED else Nameless.UNREADABLE
            return [
                Anomaly(time_ns, Protocol.DTLS.value, error.reason, ends.flow, ends.interface),
                self._namer.nameless(reason or why, ends, time_ns, Protocol.DTLS),
            ]
        return self._events(said, ends, time_ns)

    def _events(self, said: Said, ends: Ends, time_ns: int) -> list[Event]:
        return [*self._namer.observations(said, ends, time_ns), self._namer.connection(said, ends, time_ns)]

    def _settle(self, pair: _Pair, reason: Nameless | None = None) -> list[Event]:
        """Nothing more is awaited: use the hello of which most is here, unless it was said."""
        hellos, pair.hellos = pair.hellos, ()
        self._charge(pair)
        if not hellos:
            return []
        best = max(hellos, key=lambda hello: (hello.assembly.length_at(0), hello.assembly.size))
        body = best.body
        if pair.said is not None and pair.said.startswith(body[_RANDOM]):
            return []
        later = [best.assembly.run(start) for start in best.assembly.starts() if start]
        return self._say(pair, body, best.length, pair.last_ns, reason, later)

    def _charge(self, pair: _Pair) -> None:
        now = sum(hello.assembly.cost for hello in pair.hellos)
        self._held += now - pair.cost
        pair.cost = now

    def _bound(self) -> list[Event]:
        events: list[Event] = []
        while self._held > self._limits.dtls_bytes and (oldest := self._pairs.evict()) is not None:
            events += self._evict(oldest)
        return events

    def _evict(self, pair: _Pair) -> list[Event]:
        """A bound was reached: *pair* is out of the table already."""
        return self._settle(pair, Nameless.EVICTED)

    def expire(self, time_ns: int) -> list[Event]:
        """Settle hellos that have waited long enough; forget pairs that were quiet for long."""
        silent_ns = self._limits.silent_s * SECOND_NS
        events: list[Event] = []
        for pair in unused_since(self._pairs, time_ns - self._limits.wait_s * SECOND_NS):
            events += self._settle(pair)
            if time_ns - pair.last_ns >= silent_ns:
                self._pairs.pop(pair.key)
        return events

    def rebase(self, time_ns: int) -> None:
        """Time was set back: nothing was last seen later than now."""
        set_back(self._pairs, time_ns)

    def last_words(self) -> Iterator[Event]:
        """The end of the input: settle everything, one after the other."""
        for _, pair in self._pairs.oldest_first():
            yield from self._settle(pair)

    def tracked(self) -> dict[str, int]:
        """Entries now, by table."""
        return {"dtls_flows": len(self._pairs)}
