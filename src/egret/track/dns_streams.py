"""DNS over TCP: messages of both directions, split anywhere (RFC 1035 section 4.2.2, RFC 7766).

Unlike a hello, messages may go on for as long as the connection lives, so that a direction is read as
it goes and only what has not become a whole message is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from egret.decode import dns
from egret.decode.http import begins_request
from egret.decode.packet import Packet
from egret.errors import Reason
from egret.model import Anomaly, Event, Protocol, Recognition, Transport
from egret.track.assembly import Assembly
from egret.track.direction import endpoints_of, ends_of, key_of
from egret.track.dns_table import Directions, DirectionTable
from egret.track.heard import Heard
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.track.lookups import Lookups

DNS_PORT = 53
_PORT = DNS_PORT.to_bytes(2)
MAX_PENDING = 2 * (65535 + 2)  # one message of the greatest length, and as much that came before its turn
_SYN = 0x02
MAX_QUERY_BYTE = 0x10  # a first length byte above says 4 KB and more: no query, but TLS or text on port 53
_TLS, _HELLO = b"\x16\x03", b"\x01"
_CUT_MIN = 12  # bytes of a DNS header: less of a cut message says nothing
_HALF, _MASK = 1 << 31, 0xFFFFFFFF
_REBASE = 1 << 30
Rest = Callable[[int, bytes, str | None, int, int, int], object]


class Direction:
    """What one end has sent and no message has taken yet."""

    __slots__ = (
        "anchor",
        "assembly",
        "foreign",
        "fresh",
        "heard_ns",
        "interface",
        "last_ns",
        "position",
        "raw_ends",
        "sure",
    )

    def __init__(self, heard: Heard, anchor: int, *, sure: bool) -> None:
        self.raw_ends = ends_of(heard.source, heard.destination)  # as they lie in a frame: thousands are kept
        self.interface = heard.interface
        self.heard_ns = heard.time_ns
        self.anchor = anchor  # the sequence number of offset 0
        self.sure = sure  # messages are known to begin at ``position``
        self.fresh = not sure  # nothing was read or skipped yet: bytes before ``position`` may still come
        self.position = 0
        self.last_ns = heard.time_ns
        self.foreign = False  # not DNS
        self.assembly = Assembly(MAX_PENDING)

    @property
    def heard(self) -> Heard:
        """Where and when its last segment was heard."""
        return Heard(self.heard_ns, Transport.TCP, *endpoints_of(self.raw_ends), self.interface)


class DnsStreams:
    """Every direction of DNS over TCP."""

    def __init__(self, limits: Limits, lookups: Lookups, counters: Counters) -> None:
        self._wait_ns = limits.wait_s * SECOND_NS
        self._silent_ns = limits.silent_s * SECOND_NS
        self._lookups = lookups
        self._bytes_limit = limits.dns_bytes
        self._released: list[Packet] = []
        self.adopted = False  # whether any was on another port
        self.table: DirectionTable[Direction] = Directions(limits.dns_streams, counters.evictions)
        self._rest: Rest | None = None

    def follow_in(self, table: DirectionTable[Direction], rest: Rest) -> None:
        """Have *table*, in which nothing is yet, hold the directions, and keep of those no more than *rest* is given.

        That is its key and ends, its interface, where its first and its next message begin, when it was last heard.
        """
        self.table, self._rest = table, rest

    @staticmethod
    def restored(
        ends: bytes, interface: str | None, anchor: int, position: int, last_ns: int, waiting: bytes
    ) -> Direction:
        """A direction of which no more was kept than this, and the first bytes of the message that begins there."""
        source, destination = endpoints_of(ends)
        direction = Direction(Heard(last_ns, Transport.TCP, source, destination, interface), anchor, sure=True)
        direction.position = position
        if waiting:
            direction.assembly.add(position, waiting)
        return direction

    def feed(self, packet: Packet) -> list[Event] | None:
        """Take one segment from or to port 53.

        Returns:
            What its messages say; None: the connection carries something else.
        """
        key = key_of(packet.source, packet.destination)
        direction = self.table.get(key)
        if packet.flags & _SYN:
            self.begin(key, (packet.seq + 1) & _MASK, _heard(packet))
            return []
        if not packet.payload:
            return None if direction is not None and direction.foreign else []
        if direction is None:
            direction = self._admit(key, Direction(_heard(packet), packet.seq, sure=False))
        if self._is_foreign(direction, packet):
            return None
        return self._take(key, direction, packet)

    def released(self) -> list[Packet]:
        """What had come, before its turn, of a connection that turned out to carry something else."""
        released, self._released = self._released, []
        return released

    def adopt(self, heard: Heard, seq: int, pieces: Iterable[tuple[int, bytes]]) -> list[Event]:
        """A connection on another port was recognised as DNS by its first bytes: take it over.

        Args:
            heard: its ends, in the direction that was recognised.
            seq: the sequence number at which its first message begins.
            pieces: what has come so far of that direction, with sequence numbers.
        """
        self.adopted = True
        direction = self._admit(key_of(heard.source, heard.destination), Direction(heard, seq, sure=True))
        for at, data in pieces:
            direction.assembly.add(((at - seq + _HALF) & _MASK) - _HALF, data)
        events = self._read(direction)
        self.table.held += _weight(direction)
        self._bound()
        return events

    def feed_adopted(self, packet: Packet) -> list[Event]:
        """Take one segment of either direction of an adopted connection."""
        if not packet.payload:
            return []
        key = key_of(packet.source, packet.destination)
        direction = self.table.get(key)
        if direction is None:
            direction = self._admit(key, Direction(_heard(packet), packet.seq, sure=False))
        return self._take(key, direction, packet)

    def begin(self, key: int, anchor: int, heard: Heard) -> None:
        """A SYN: the stream of its direction begins at *anchor*."""
        known = self.table.get(key)
        if known is None or not known.sure or known.anchor != anchor:
            self._admit(key, Direction(heard, anchor, sure=True))

    def pass_over(self, key: int, direction: Direction, size: int, time_ns: int) -> None:
        """Somebody else read the *size* bytes at the front of a direction, of which but a message's length was here."""
        self._heard_now(key, direction, time_ns)
        self.table.held -= direction.assembly.size
        self._advance(direction, size)

    def keep_length(self, key: int, direction: Direction, data: bytes, time_ns: int) -> bool:
        """Keep the length of a message, which is all that is here; False where it is 0, or where no room is."""
        if not any(data) or self.table.held + len(data) > self._bytes_limit:
            return False
        self._heard_now(key, direction, time_ns)
        direction.assembly.add(direction.position, data)
        self.table.held += len(data)
        return True

    def _heard_now(self, key: int, direction: Direction, time_ns: int) -> None:
        direction.last_ns = direction.heard_ns = time_ns
        self.table.touch(key)

    def _admit(self, key: int, direction: Direction) -> Direction:
        old = self.table.get(key)
        evicted = self.table.put(key, direction)
        for gone in (old, evicted):
            self.table.held -= 0 if gone is None else _weight(gone)
        return direction

    def _is_foreign(self, direction: Direction, packet: Packet) -> bool:
        """Whether something else than DNS speaks on port 53; then both directions are its."""
        if direction.foreign or direction.position or packet.destination.port != DNS_PORT:
            return direction.foreign
        if direction.sure:
            foreign = packet.seq == direction.anchor and packet.payload[0] >= MAX_QUERY_BYTE
        else:
            foreign = _begins_other(packet.payload)
        if foreign:
            direction.foreign = True
            self._release(direction, packet)
            reverse = Direction(_heard(packet), packet.seq, sure=False)
            reverse.foreign = True
            self._admit(key_of(packet.destination, packet.source), reverse)
        return direction.foreign

    def _release(self, direction: Direction, packet: Packet) -> None:
        assembly = direction.assembly
        for start in assembly.starts():
            data = assembly.run(start)
            seq = (direction.anchor + start) & _MASK
            self._released.append(packet._replace(seq=seq, payload=memoryview(data), wire_payload_length=len(data)))
        self.table.held -= _weight(direction)
        direction.assembly = Assembly(MAX_PENDING)

    def _take(self, key: int, direction: Direction, packet: Packet) -> list[Event]:
        direction.last_ns = packet.time_ns
        direction.heard_ns = packet.time_ns
        offset = ((packet.seq - direction.anchor + _HALF) & _MASK) - _HALF
        early = 0 if direction.fresh else max(0, direction.position - offset)  # bytes that were read already
        data = packet.payload[early:]
        offset += early
        if not data or abs(offset - direction.position) > MAX_PENDING:
            return []
        before = _weight(direction)
        direction.assembly.add(offset, data)
        events = self._read(direction) if direction.sure or self._find_start(direction, offset) else []
        if direction.assembly.full:
            events += self._skip_hole(direction)
        self.table.held += _weight(direction) - before
        self.table.touch(key)
        self._bound()
        if self._rest is not None and direction.sure and direction.position > 0 and not direction.assembly.size:
            self._lay_down(key, direction, self._rest)
        return events

    def _lay_down(self, key: int, direction: Direction, rest: Rest) -> None:
        """Keep of a direction only where its next message begins, if it is at the port where that is all one asks."""
        ends = direction.raw_ends
        if _PORT in (ends[-4:-2], ends[-2:]):
            rest(key, ends, direction.interface, direction.anchor, direction.position, direction.last_ns)

    def _read(self, direction: Direction) -> list[Event]:
        """Take the whole messages at the front."""
        messages, used = dns.split_stream(direction.assembly.run(direction.position))
        self._advance(direction, used)
        heard = direction.heard
        return [event for message in messages if message for event in self._lookups.feed(message, heard)]

    @staticmethod
    def _find_start(direction: Direction, offset: int) -> bool:
        """Capture began inside the connection: a message begins at the lowest byte, or at *offset*."""
        assembly = direction.assembly
        for start in dict.fromkeys((assembly.start, max(offset, assembly.start))):
            recognition = dns.recognise_stream(assembly.run(start))
            if recognition is Recognition.YES:
                direction.sure, direction.fresh, direction.position = True, False, start
                assembly.drop_before(start)
            if recognition is not Recognition.NO:
                break
        return direction.sure

    def _read_cut(self, direction: Direction) -> list[Event]:
        """The message at the front will never be whole: say what its beginning says."""
        data = direction.assembly.run(direction.position)[2:]
        return self._lookups.feed(data, direction.heard, cut=True) if direction.sure and len(data) > _CUT_MIN else []

    @staticmethod
    def _advance(direction: Direction, size: int) -> None:
        direction.position += size
        direction.assembly.drop_before(direction.position)
        if direction.position > _REBASE and not direction.assembly.size:
            direction.anchor = (direction.anchor + direction.position) & _MASK
            direction.position = 0

    def _skip_hole(self, direction: Direction) -> list[Event]:
        """Bytes never came: go on where a message can be recognised."""
        heard = direction.heard
        events = self._read_cut(direction)
        direction.assembly.full = direction.fresh = False
        starts = [start for start in direction.assembly.starts() if start > direction.position]
        if starts:
            events.append(Anomaly(heard.time_ns, Protocol.DNS.value, Reason.GAP, None, heard.interface))
        for start in starts:
            self._advance(direction, start - direction.position)
            direction.sure = False
            if self._find_start(direction, start):
                events += self._read(direction)
        if not starts:
            self._advance(direction, direction.assembly.size)
        return events

    def _bound(self) -> None:
        while self.table.held > self._bytes_limit and (oldest := self.table.evict()) is not None:
            self.table.held -= _weight(oldest)

    def expire(self, time_ns: int) -> list[Event]:
        """Give up waiting for missing segments; forget directions that were quiet for long."""
        due = self.table.due(time_ns, self._wait_ns, self._silent_ns)
        events: list[Event] = []
        for key, direction in due:
            before = _weight(direction)
            if before:
                events += self._skip_hole(direction)
                self.table.held += _weight(direction) - before
            if time_ns - direction.last_ns >= self._silent_ns:
                self.table.held -= _weight(direction)
                self.table.pop(key)
        return events

    def rebase(self, time_ns: int) -> None:
        """Time was set back: nothing was last seen later than now."""
        self.table.set_back(time_ns)

    def last_words(self) -> Iterator[Event]:
        """The end of the input: read what lies beyond holes, and the beginning of cut messages, one after the other."""
        for direction in self.table.all():
            self.table.held -= _weight(direction)
            yield from self._skip_hole(direction)
            direction.assembly = Assembly(MAX_PENDING)

    def tracked(self) -> dict[str, int]:
        """Entries now, by table."""
        return {"dns_streams": len(self.table)}


def _weight(direction: Direction) -> int:
    """Bytes that what waits takes: where it is one piece they are all, of a stream full of holes few of them are."""
    assembly = direction.assembly
    return assembly.size if len(assembly.starts()) <= 1 else assembly.cost


def _begins_other(payload: memoryview) -> bool:
    """Whether a segment of a stream whose beginning was missed begins something else than DNS beyond doubt."""
    return (bytes(payload[:2]) == _TLS and bytes(payload[5:6]) == _HELLO) or begins_request(payload)


def _heard(packet: Packet) -> Heard:
    return Heard(packet.time_ns, Transport.TCP, packet.source, packet.destination, packet.interface)
