"""Young TCP connections that say one plain hello and are done with: held as a few numbers, and never fed.

Most connections begin alike: a SYN, a SYN and ACK, and a TLS hello in one or two segments, of a name, to a server and
by a client of which nothing is known. Some take turns before it, or end without one. That changes a few counts and
what is remembered of both directions. So much is done here, where the frames lie. As soon as a segment is any other
than that, the observer gets it, and before it what was held (``track.held``): events, counts and tables are then as if
nothing had been held.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from struct import Struct
from typing import Protocol

from egret.decode.hello_shapes import HelloShapes
from egret.decode.packet import Packet
from egret.decode.plain_hello import MAX_PLAIN, first_of_plain
from egret.decode.plain_request import REQUEST_STARTS, read_plain
from egret.track.direction import opposite
from egret.track.held import Whole
from egret.track.late import RECORD_START
from egret.track.limits import SECOND_NS
from egret.track.preludes import is_plain_prelude
from egret.worker.orders import SEGMENT, SIZE, beginnings, record, tables
from egret.worker.plain import Buffer
from egret.worker.proxied import may_ask
from egret.worker.replayed import packets
from egret.worker.surroundings import Surroundings
from egret.worker.talks import Talks

MAX_HELD = 4_096  # connections
MAX_PIECES = 8  # of a prelude and a hello, but for the last
MAX_UNREAD = 4_096  # bytes of a client of which it is asked whether they are anything
MAX_FRESH = 4_096
NO, TAKEN, METERED = range(3)  # what is said of a segment; of the last the volumes must hear
_MEASURED = -1  # is no generation
_NONE = frozenset[int]()
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_SETTLING = _FIN | _SYN | _RST
_DNS_PORT = b"\0\x35"
_PARTS = {4 + 2 * size: Struct(f"{size}s{size}s2s2s").unpack for size in (4, 16)}  # both addresses, then both ports
_SEQ = Struct("!38xI").unpack_from  # from where its frame begins
_MASK = 0xFFFFFFFF
_RECORD_HEADER = 5  # of TLS: the length is its last two bytes
_HELLO_START, _APPLICATION_DATA = 0x16, 0x17

# As ``replayed.Opened``; the ends of the other direction; the hashes of both.
_Held = tuple[int, int, str | None, int, bytes, int, int]
# The first pieces of a hello: where it ends, and begins; what is there, and each piece with the time when it came. It
# ends at 0 while there is but a prelude.
_Begun = tuple[int, int, bytes, tuple[tuple[int, bytes], ...]]
_NO_PIECES: _Begun = 0, 0, b"", ()


class Holder(Protocol):
    """What takes the segments that TCP connections begin with: ``Quick`` is one."""

    def segment(
        self, buffer: Buffer, at: int, end: int, ends: bytes, seq: int, flags: int, time_ns: int, interface: str | None
    ) -> int:
        """As ``Quick.segment``."""
        ...


class Quick:
    """Holds young connections: a keeper for ``track.held``. ``native/quick.c`` is the same in C.

    Args:
        surroundings: of one observer.
        talks: takes requests.
        hosts: names that were asked about before.
        limit: of connections; what comes beyond is the observer's at once.
    """

    def __init__(self, surroundings: Surroundings, talks: Talks, hosts: Container[bytes], limit: int) -> None:
        self.beside: Callable[..., int] = lambda *_: NO  # ``Beside.take``
        self.meters = False  # whether who asks tells the volumes what they must hear
        self._limit = limit
        self._talks = talks
        self._volumes, self._armed = surroundings.volumes, surroundings.volumes.armed
        self._followed, self._decided_either = surroundings.followed, surroundings.decided_either
        self._is_decided = surroundings.is_decided
        self._is_measured = surroundings.is_measured
        self._take, self._pass_over = surroundings.take, surroundings.pass_over
        self._proxied = surroundings.proxied
        self._is_nameless, self._is_unread = surroundings.is_nameless, surroundings.is_unread
        self._decide_ends = surroundings.decide_ends
        self._read = HelloShapes(hosts).read
        # Of those that are done with and not measured, the latest: the first bytes that may matter in a direction
        # (``Streams.watched``).
        self.fresh: dict[bytes, frozenset[int]] = {}
        # By the ends of the client's direction:
        self._opened: dict[bytes, _Held] = {}
        self._begun: dict[bytes, _Begun] = {}
        # By the ends of the server's direction, whose SYN and ACK are awaited: that generation, and where they came.
        self._answering: dict[bytes, int] = {}
        self._accepted: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._opened)

    def segment(
        self,
        buffer: Buffer,
        at: int,
        end: int,
        ends: bytes,
        seq: int,
        flags: int,
        time_ns: int,
        interface: str | None = None,
    ) -> int:
        """Take a segment and say ``TAKEN`` or ``METERED``; or ``NO``, and it is the observer's.

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
            opened = self._opened.get(ends)
            if opened is None:
                if ends in self._answering:
                    return self._reply(ends, buffer[at]) if at != end else NO
                may = self._may(ends) if at != end else NO
                if may and self._talks.go_on(buffer, at, end, ends, seq):
                    return may
                return self.beside(buffer, at, end, ends, seq, flags, time_ns, interface) if may else NO
            may = TAKEN if opened[3] == self._volumes.generation else self._may(ends)
            return may if may and (at == end or self._hello(opened, ends, seq, bytes(buffer[at:end]), time_ns)) else NO
        if at != end:
            return self.beside(buffer, at, end, ends, seq, flags, time_ns, interface)
        if flags & _SETTLING != _SYN:
            taken = NO if flags & _SYN else self._ends(ends, seq, flags, time_ns)  # that opens another as well
        elif flags & _ACK:
            taken = self._accept(ends)
        else:
            taken = self._open(ends, seq + 1 & _MASK, time_ns, interface)
        return taken or self.beside(buffer, at, end, ends, seq, flags, time_ns, interface)

    def _may(self, ends: bytes) -> int:
        """What is said of a segment that can be taken."""
        if not self._is_measured(ends):
            return TAKEN
        return METERED if self.meters else NO

    def run(  # noqa: C901, PLR0912 (one loop: to call something for each kind costs as much as the rest of it)
        self, window: bytes | memoryview, position: int, order: str, header: int, scale: int, here: int
    ) -> tuple[int, int, int]:
        """Take the records of a pcap file from *position* on that ``segment`` takes of TCP over IPv4, in second *here*.

        Returns:
            Where the first is that it does not surely take, or not of that second; where the last one was; how many.
        """
        if not isinstance(window, bytes):  # what is cut out of it would be no key
            return position, position, 0
        unpack, second, begun_ns = record(order, header, SEGMENT).unpack_from, SECOND_NS // scale, here * SECOND_NS
        ipv4, _, lengths, _, _, tcp, _ = tables(order)
        known, opened_of, generation_of = beginnings(order, header).get, self._opened.get, self._answering.get
        accept, generation = self._accepted.add, self._volumes.generation
        end, number, before, ip = len(window), 0, position, header + 14
        last = end - header - SIZE
        while position <= last:
            seconds, fraction, captured, original, kind, size, fate, ends, begin = unpack(window, position)
            after, place = position + header + captured, known(begin)
            if seconds != here or captured != original or after > end or fraction >= second:
                break
            if place is None or fate not in tcp or kind not in ipv4:
                break
            at, bare, flags = place
            at += position
            if size != bare:
                stop, opened = position + ip + lengths[size], opened_of(ends)
                if flags & _SYN or not at < stop <= after or opened is None or opened[3] != generation:
                    break
                seq, time_ns, data = _SEQ(window, position + header)[0], begun_ns + fraction * scale, window[at:stop]
                if not self._hello(opened, ends, seq, data, time_ns):
                    break
            elif at > after:
                break
            elif not flags & _SYN:
                opened = opened_of(ends)
                if opened is None or opened[3] != generation:
                    break
            elif flags & _ACK:
                if generation_of(ends) != generation:
                    break
                accept(ends)
            else:
                seq, time_ns = _SEQ(window, position + header)[0], begun_ns + fraction * scale
                if self._open(ends, seq + 1 & _MASK, time_ns, None) != TAKEN:
                    break
            number += 1
            before, position = position, after
        return position, before, number

    def _ends(self, ends: bytes, seq: int, flags: int, time_ns: int) -> int:
        """Whether a connection ends of which nobody awaits the end: it was decided, or is now."""
        opened = self._opened.get(ends)
        if opened is None and ends not in self._answering:
            return self._may(ends) if self._is_decided(ends) else NO
        may = self._may(ends) if (ends if opened else opposite(ends)) in self._opened else NO
        if not may:
            return NO
        over = (
            self._server_ends(ends, flags, time_ns) if opened is None else self._client_ends(ends, seq, flags, time_ns)
        )
        return may if over else NO

    def _client_ends(self, ends: bytes, seq: int, flags: int, time_ns: int) -> bool:
        """As ``Streams._from_client``."""
        opened, (size, _, data, _) = self._opened[ends], self._begun.get(ends, _NO_PIECES)
        if data if flags & _RST else seq != opened[0] + len(data) & _MASK:
            return True  # a reset, or what is missing is on its way: ``Streams._ended``
        return not size and not may_ask(data) and self._conclude(opened, ends, time_ns)

    def _server_ends(self, back: bytes, flags: int, time_ns: int) -> bool:
        """As ``Streams._from_server``."""
        ends = opposite(back)
        if not flags & _RST:
            self._accepted.add(back)
            return True
        return ends in self._begun or self._conclude(self._opened[ends], ends, time_ns)

    def _conclude(self, opened: _Held, ends: bytes, time_ns: int) -> bool:
        """Whether nothing need be told of a connection in which nothing was said, or a prelude and no hello."""
        first, _, _, _, back, key, other = opened
        spoke = ends in self._begun
        if spoke or back in self._accepted:
            if not self._is_nameless(ends, back, first, spoke, time_ns):
                return False
        else:
            self._decide_ends(key, other, first)  # an attempt that was refused
        self._drop(ends, back)
        return True

    def _reply(self, back: bytes, start: int) -> int:
        """Whether a server's bytes say no more than that it speaks; who was connected to may be a client of TLS."""
        return self._accept(back) if start != _HELLO_START or opposite(back) in self._begun else NO

    def _open(self, ends: bytes, first: int, time_ns: int, interface: str | None) -> int:
        opened, generation, may = self._opened.get(ends), self._volumes.generation, TAKEN
        if opened is not None:
            if opened[0] != first:
                return NO
            return TAKEN if opened[3] == generation else self._may(ends)
        source, destination, source_port, port = _PARTS[len(ends)](ends)
        if len(self._opened) >= self._limit or _DNS_PORT in (port, source_port):
            return NO
        back, armed = destination + source + port + source_port, self._armed
        if source in armed or destination in armed:
            generation, may = _MEASURED, self._may(ends)
        if not may or back in self._opened:
            return NO
        key, other, followed = hash(ends), hash(back), self._followed
        if key in followed or other in followed or self._decided_either(key, other):
            return NO
        self._opened[ends] = first, time_ns, interface, generation, back, key, other
        self._answering[back] = generation
        return may

    def begin_late(self, ends: bytes, seq: int, data: bytes, time_ns: int, interface: str | None) -> bool:
        """Take a hello or a request that is whole, of a connection whose SYN was not seen: it stands at *seq*."""
        if self._open(ends, seq, time_ns, interface) != TAKEN:
            return False
        opened = self._opened[ends]
        is_hello = data[0] == _HELLO_START
        taken = self._is_done(opened, ends, data, 0, time_ns) if is_hello else self._request(opened, ends, data)
        if not taken:
            self._drop(ends, opened[4])
        return taken

    def _accept(self, back: bytes) -> int:
        generation = self._answering.get(back)
        if generation is None:
            return NO
        may = TAKEN if generation == self._volumes.generation else self._may(back)
        if may:
            self._accepted.add(back)
        return may

    def _hello(self, opened: _Held, ends: bytes, seq: int, data: bytes, time_ns: int) -> bool:
        """Take a piece of what should be a plain hello."""
        begun = self._begun.get(ends)
        if begun is not None:
            return self._go_on(begun, opened, ends, seq, data, time_ns)
        if seq != opened[0]:
            return False
        if data[0] != _HELLO_START:
            if data[0] in REQUEST_STARTS and self._request(opened, ends, data):
                return True
        elif len(data) > _RECORD_HEADER and data[3] << 8 | data[4] == len(data) - _RECORD_HEADER:
            # reads it, so that what it is need not be asked before
            return self._is_done(opened, ends, data, 0, time_ns)
        size = first_of_plain(data)
        if 0 < size < len(data):  # with early data behind it, which nobody reads (RFC 8446 section 2.3)
            return data[size] == _APPLICATION_DATA and self._is_done(opened, ends, data, 0, time_ns, size)
        if not len(data) < size <= MAX_PLAIN and not self._may_follow(data, ends):
            return self._is_over(opened, ends, data, time_ns)
        self._begun[ends] = size, 0, data, ((time_ns, data),)
        return True

    def _request(self, opened: _Held, ends: bytes, data: bytes) -> bool:
        """Take what should be a plain request; what follows it is asked of ``talks``."""
        first, _, interface, generation, back, _, _ = opened
        request = read_plain(data)
        if request is None or not self._talks.begin(ends, back, interface, first, request):
            return False
        self._drop(ends, back)
        if len(self.fresh) >= MAX_FRESH:
            self.fresh.clear()
        if generation == self._volumes.generation:
            self.fresh[back] = _NONE
        return True

    def _may_follow(self, data: bytes, ends: bytes) -> bool:
        """Whether a hello may, and of what came before that nothing need be told."""
        return is_plain_prelude(data) or (may_ask(data) and self._proxied.waits(data, ends))

    def _is_over(self, opened: _Held, ends: bytes, data: bytes, time_ns: int) -> bool:
        """Whether what a client said is nothing that is read, and nothing need be told of that."""
        first, back = opened[0], opened[4]
        if not 1 < len(data) <= MAX_UNREAD or not self._is_unread(data, ends, back, first, time_ns):
            return False
        self._drop(ends, back)
        return True

    def _go_on(self, begun: _Begun, opened: _Held, ends: bytes, seq: int, data: bytes, time_ns: int) -> bool:
        size, at, before, pieces = begun
        ahead = seq - opened[0] & _MASK
        if ahead != len(before) or len(data) == 1:  # a lone byte may be a keep-alive's
            if len(data) == 1 or ahead > len(before) or before[ahead : ahead + len(data)] != data:
                return False
            # Said again. The streams would know when this client was last heard: its last piece is that young.
            self._begun[ends] = size, at, before, (*pieces[:-1], (time_ns, pieces[-1][1]))
            return True
        all_data = before + data
        if not size and data[0] == _HELLO_START:
            length = first_of_plain(data)
            if not len(data) <= length <= MAX_PLAIN:
                return False
            size, at = len(before) + length, len(before)
        if not size and not self._may_follow(all_data, ends):
            return self._is_over(opened, ends, all_data, time_ns)
        if 0 < size <= len(all_data):
            return size == len(all_data) and self._is_done(opened, ends, all_data, at, time_ns)
        if len(pieces) == MAX_PIECES:
            return False
        self._begun[ends] = size, at, all_data, (*pieces, (time_ns, data))
        return True

    def _is_done(self, opened: _Held, ends: bytes, data: bytes, at: int, time_ns: int, size: int | None = None) -> bool:
        """Whether *data*, with a hello from *at* on to *size*, was all that anybody wanted of the connection."""
        hello = self._read(data[at:size])
        if hello is None:
            return False
        host, ech = hello
        first, _, _, generation, back, key, other = opened
        end = first + len(data) & _MASK
        if at and may_ask(data[:at]):
            if not self._proxied.is_told(data[:at], host, ech, ends, first, end, time_ns):
                return False
        elif self._take(host, ech, ends, time_ns):
            self._pass_over(key, other, first, end)
        else:
            return False
        self._drop(ends, back)
        fresh = self.fresh
        if len(fresh) >= MAX_FRESH - 1:
            fresh.clear()
        if generation == self._volumes.generation:
            fresh[ends], fresh[back] = RECORD_START, _NONE
        return True

    def _drop(self, ends: bytes, back: bytes) -> None:
        del self._opened[ends], self._answering[back]
        self._accepted.discard(back)
        if self._begun:
            self._begun.pop(ends, None)

    def take(self, ends: bytes) -> list[Packet]:
        """The segments of one connection, if there are any; they are held no more."""
        opened = self._opened.get(ends)
        if opened is None:
            return []
        begun, accepted = self._begun.get(ends), opened[4] in self._accepted
        self._drop(ends, opened[4])
        return packets(opened[:4], ends, accepted, () if begun is None else begun[3])

    def whole(self, ends: bytes, seq: int, payload: bytes) -> Whole | None:
        """As ``held.Keeper.whole``."""
        opened, begun = self._opened.get(ends), self._begun.get(ends)
        if opened is None or not payload:
            return None
        so_far = b"" if begun is None else begun[2]
        if seq != opened[0] + len(so_far) & _MASK or (so_far and len(payload) == 1):
            return None
        data = so_far + payload
        return (opened[0], opened[2], data) if first_of_plain(data) == len(data) else None

    def drop(self, ends: bytes) -> None:
        """As ``held.Keeper.drop``."""
        self._drop(ends, self._opened[ends][4])

    def take_all(self) -> list[Packet]:
        """Everything, the segments of each connection in their order."""
        return [packet for ends in list(self._opened) for packet in self.take(ends)]
