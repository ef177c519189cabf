"""One young TCP connection: what its client has sent so far, until it is decided what it is."""

from __future__ import annotations

from collections.abc import Iterator

from egret.decode.http import begins_request
from egret.decode.http_stream import Sieve
from egret.decode.packet import Packet
from egret.errors import DecodeError
from egret.model import Endpoint, Nameless, Transport
from egret.track.assembly import Assembly
from egret.track.direction import endpoints_of, ends_of, opposite
from egret.track.naming import Ends

_HALF = 1 << 31
_MASK = 0xFFFFFFFF
_SYN, _ACK = 0x02, 0x10
_TCP = Transport.TCP  # an enum's attribute costs a look-up each time
_new = tuple.__new__
_NO_BYTES: dict[int, bytes] = {}  # of most flows: nothing is ever put into this one


class Flow:
    """A client's stream being put together.

    ``sure`` flows know where the stream begins (their SYN was seen), so that nothing before it counts.
    Others begin at the lowest byte seen. ``oriented`` flows know which end is the client.
    """

    __slots__ = (
        "_interface",
        "_weak",
        "anchor",
        "answered",
        "assembly",
        "cost",
        "key",
        "last_ns",
        "layers",
        "limit",
        "middle",
        "needed",
        "oriented",
        "origin",
        "prelude",
        "raw_ends",
        "request_at",
        "said",
        "settled",
        "sieve",
        "start",
        "sure",
    )

    def __init__(self, key: int, client: Endpoint, server: Endpoint, interface: str | None, limit: int) -> None:
        self.key = key
        self.raw_ends = ends_of(client, server)  # as they lie in a frame: of 32,768 flows, as objects, 10 MB more
        self._interface = interface
        self.limit = limit
        self.anchor = 0  # the sequence number of offset 0
        self.sure = False
        self.oriented = False
        self.answered = False  # both ends took part: it is a connection, not an attempt
        self.said = False  # its Connection was said; only names inside it are still awaited
        self.settled = False  # it was decided what it is
        self.middle = 0  # segments with which nothing begins that we read
        self.layers = 0  # headers and tunnels that were read, with more of the stream behind them
        self.prelude = False  # its client may take its time: STARTTLS comes after a dialogue
        self.last_ns = 0
        self.origin: int | None = None  # where the connection began, if this is a later part of it
        self.start = 0  # where the next message of a sure flow begins
        self.needed = 1  # bytes from there before another look pays
        self.cost = 0
        self.assembly: Assembly | None = None
        self.request_at: int | None = None  # the offset of a segment that begins with a request
        self.sieve: Sieve | None = None  # of a request's head that is too long to be held
        self._weak: dict[int, bytes] = _NO_BYTES

    @property
    def ends(self) -> Ends:
        """Who talks to whom, for what is told."""
        return _new(Ends, (_TCP, *endpoints_of(self.raw_ends), self._interface))

    def begin_at(self, seq: int) -> None:
        """The stream's first byte has sequence number *seq*: the SYN said so."""
        if self.assembly is not None and not self.sure:
            self._move_anchor(seq)
        self.anchor = seq
        self.sure = True

    def _move_anchor(self, seq: int) -> None:
        """Segments came before their SYN: count them from where the stream really begins."""
        held, self.assembly = self.assembly, Assembly(self.limit)
        shift = self.offset_of(seq)
        if held is not None:
            for start in held.starts():
                run = held.run(start)
                self.assembly.add(max(0, start - shift), run[max(0, shift - start) :])
        self._weak = {offset - shift: byte for offset, byte in self._weak.items() if offset >= shift} or _NO_BYTES

    def offset_of(self, seq: int) -> int:
        """The offset of a sequence number, which wraps at 2**32 (RFC 9293 section 3.4)."""
        return ((seq - self.anchor + _HALF) & _MASK) - _HALF

    def add(self, seq: int, data: memoryview) -> bool:
        """Keep what is new of one segment; whether there was any."""
        offset = self.offset_of(seq)
        floor = self.start if self.sieve is not None else 0  # what was sifted is gone
        if self.sure and offset < floor:
            data = data[floor - offset :]
            offset = floor
        if not data or not self._is_near(offset):
            return False
        data = data[: self.limit + 1]  # of a super-packet of 64 KB no more is copied than shows that it is too long
        if self.assembly is None:
            self.assembly = Assembly(self.limit)
        if len(data) == 1 and self._may_be_keep_alive(offset):
            if not self._weak:
                self._weak = {}
            self._weak.setdefault(offset, bytes(data))
            return True
        if self._weak and not self.sure and not self.assembly.size:
            self._use_weak_before(self.assembly, offset)
        kept = self.assembly.add(offset, data)
        if self._weak:
            self._use_weak()
        return kept

    def _is_near(self, offset: int) -> bool:
        return -self.limit <= offset <= self.limit + self.start

    def is_near(self, seq: int) -> bool:
        """Whether *seq* is one of this stream's numbers; else a SYN was lost, or was sent again with others."""
        return self._is_near(self.offset_of(seq))

    def _may_be_keep_alive(self, offset: int) -> bool:
        """Whether a lone byte may be a keep-alive's rubbish (RFC 9293 section 3.8.4), not stream.

        A keep-alive repeats the sequence number just before the next byte. Where that byte is held, the
        first copy wins. Where it is in a hole, the lone byte waits: any real segment takes its place.
        """
        if len(self._weak) >= self.limit or self.assembly is None:
            return False
        if not self.assembly.size:
            return not self.sure or offset != self.start
        return offset != self.first + self.assembly.length_at(self.first)

    def _use_weak(self) -> None:
        """Lone bytes that continue what is held in order are stream after all: someone cut it that small."""
        if self.assembly is None:
            return
        end = self.first + self.assembly.length_at(self.first)
        while (byte := self._weak.pop(end, None)) is not None:
            self.assembly.add(end, byte)
            end = self.first + self.assembly.length_at(self.first)

    def _use_weak_before(self, assembly: Assembly, offset: int) -> None:
        """Lone bytes right before the first real segment begin the stream; a keep-alive's rubbish is mostly zero."""
        start = offset
        while start - 1 in self._weak:
            start -= 1
        if start < offset and self._weak[start] != b"\0":
            for at in range(start, offset):
                assembly.add(at, self._weak.pop(at))

    def use_all_weak(self) -> None:
        """Nothing more will come: lone bytes fill the holes that are left."""
        if self.assembly is not None:
            for offset in sorted(self._weak):
                self.assembly.add(offset, self._weak[offset])
        self._weak = _NO_BYTES

    @property
    def first(self) -> int:
        """Where the next message begins, as far as is known."""
        if self.sure or self.assembly is None:
            return self.start
        return self.assembly.start

    @property
    def spoke(self) -> bool:
        """Some of its bytes came, kept or not."""
        return self.assembly is not None or self.middle > 0

    def pass_over(self, seq: int) -> None:
        """A segment from the middle of this stream comes, at *seq*, and none is kept: it begins there at the latest."""
        if not self.middle or -self.limit <= self.offset_of(seq) < 0:
            self.anchor = seq

    def begin_unseen(self, seq: int) -> None:
        """The first segment that is kept comes, at *seq*. The SYN was missed: count from the first one seen."""
        if not self.middle or self.offset_of(seq) < 0 or not self.is_near(seq):
            self.anchor = seq

    @property
    def full(self) -> bool:
        """Nothing more is kept of this stream."""
        return self.assembly is not None and self.assembly.full

    def available(self) -> int:
        """Bytes that lie there without a hole."""
        return 0 if self.assembly is None else self.assembly.length_at(self.first)

    def data(self) -> bytes:
        """The bytes from the next message's beginning to the first hole."""
        held = b"" if self.assembly is None else self.assembly.run(self.first)
        return held if self.sieve is None else bytes(self.sieve.kept) + held

    def sift(self) -> bool:
        """Keep only the lines that matter of what has come of a long head; False if it does not end."""
        if self.sieve is None or self.assembly is None:
            return True
        try:
            self.go_on_behind(self.sieve.feed(self.assembly.run(self.first)))
        except DecodeError:
            return False
        self.assembly.drop_before(self.start)
        return True

    @property
    def sifted(self) -> int:
        """Bytes that ``data`` has before what is held."""
        return 0 if self.sieve is None else len(self.sieve.kept)

    def runs(self) -> Iterator[tuple[int, bytes]]:
        """The bytes in order from where the next message begins, then every run beyond a hole; with their offsets.

        Last comes what begins with a segment that begins like a request.
        """
        if self.assembly is not None:
            first = self.first
            yield first, self.data()
            for start in self.assembly.starts():
                if start > first:
                    yield start, self.assembly.run(start)
            if self.request_at is not None and self.request_at > first:
                yield self.request_at, self.assembly.run(self.request_at)

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Everything held from where the next message begins, in pieces with their sequence numbers."""
        if self.assembly is None:
            return
        first = self.first
        for start in (first, *(start for start in self.assembly.starts() if start > first)):
            yield (self.anchor + start) & _MASK, self.assembly.run(start)
        for offset in sorted(self._weak):
            yield (self.anchor + offset) & _MASK, self._weak[offset]

    @property
    def patient(self) -> bool:
        """Nothing is missing; what it waits for is the client's next turn."""
        return self.prelude and not self._weak and self.assembly is not None and len(self.assembly.starts()) == 1

    @property
    def next_seq(self) -> int:
        """The sequence number at which the next message begins, as far as is known."""
        return (self.anchor + self.first) & _MASK

    @property
    def end_seq(self) -> int:
        """The sequence number behind the bytes that lie there without a hole."""
        return (self.anchor + self.first + self.available()) & _MASK

    def look_for_request(self, seq: int, segment: memoryview) -> None:
        """Remember where a *segment* begins with a request, others or a hole before it."""
        offset = self.offset_of(seq)
        if offset > self.first and (self.request_at is None or offset < self.request_at) and begins_request(segment):
            self.request_at = offset

    def begin_anew(self) -> bool:
        """What came first is none of ours: go on with the request behind it, if there is one."""
        behind = 0 if self.request_at is None else self.request_at - self.first
        if not 0 < behind < self.available():
            return False
        self.go_on_behind(behind)
        self.request_at, self.prelude = None, False
        return True

    def go_on_behind(self, size: int) -> None:
        """A message of *size* bytes was read; another begins behind it."""
        if not self.sure:
            seq = (self.anchor + self.first) & _MASK
            self._move_anchor(seq)
            self.anchor = seq
            self.sure = True
        self.start += size
        self.needed = 1

    def first_seq(self) -> int:
        """The sequence number where the connection's stream began, as far as is known."""
        if self.origin is not None:
            return self.origin
        return (self.anchor + (0 if self.sure else self.first)) & _MASK

    def charge(self) -> int:
        """The change of this flow's memory since the last charge."""
        now = 0 if self.assembly is None else self.assembly.cost + 120 * len(self._weak)
        if self.sieve is not None:
            now += self.sieve.cost
        change, self.cost = now - self.cost, now
        return change


def opens_another(packet: Packet, decided: int) -> bool:
    """Whether a SYN opens another connection between the ends of one that began at sequence number *decided*."""
    return packet.flags & (_SYN | _ACK) == _SYN and decided != (packet.seq + 1) & _MASK


def other_key(flow: Flow) -> int:
    """The key of the opposite direction."""
    return hash(opposite(flow.raw_ends))


def why_nameless(flow: Flow) -> Nameless:
    """Why a settled flow said no name."""
    if not flow.spoke:
        return Nameless.NO_PAYLOAD
    if not flow.sure:
        return Nameless.MID_FLOW
    return Nameless.NOT_RECOGNISED if flow.available() else Nameless.INCOMPLETE


def likely_ends(flow: Flow) -> Ends:
    """Client and server; where nothing told them apart, the lower port is the server's."""
    ends = flow.ends
    if flow.oriented or ends.client.port >= ends.server.port:
        return ends
    return ends._replace(client=ends.server, server=ends.client)
