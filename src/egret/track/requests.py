"""HTTP connections after their first request: the later ones may be for other hosts.

A direction is read head by head; bodies of known length are stepped over, whether they were captured or not.
A chunked body says chunk by chunk how long it is. Where a body's length is not known, or bytes are missing for
longer than the wait, the next segment that begins like a request is taken for one.
"""

from __future__ import annotations

from collections.abc import Iterable

from egret.decode.http import RequestHead, begins_head, begins_request, head_of_http2, parse_request_head
from egret.decode.http2 import PREFACE, Session
from egret.decode.http_stream import Sieve, measure_chunks
from egret.decode.packet import Packet
from egret.errors import DecodeError
from egret.model import Event, Transport
from egret.track.conversations import Conversations, ConversationTable
from egret.track.cursor import Cursor
from egret.track.direction import endpoints_of, ends_of
from egret.track.dns_streams import DNS_PORT
from egret.track.httpdns import HttpDns
from egret.track.late import REQUEST_START
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.track.naming import Ends, Namer
from egret.track.recognise import said_by_head
from egret.track.tables import LruTable
from egret.value import Struct

STEP = 8 * 1024  # bytes of a segment that are taken at once, and of a head that are held before it is sifted


class Start(Struct, frozen=True):
    """Where a connection's first request begins, and what is known of it."""

    seq: int
    names: frozenset[str] = frozenset()  # that were said of it
    sieve: Sieve | None = None  # it began before *seq*, and this is kept of it
    young: bool = False  # nobody had decided before what the connection is, and nothing came since


class Conversation:
    """One client's direction of an HTTP connection."""

    __slots__ = (
        "chunked",
        "cursor",
        "ends",
        "frames",
        "held",
        "key",
        "last_ns",
        "lost",
        "names",
        "sieve",
        "spoken",
        "young",
    )

    def __init__(self, key: int, ends: Ends, start: Start, limit: int) -> None:
        self.key = key
        self.ends = ends
        self.cursor = Cursor(start.seq, limit)
        self.names = start.names  # of the last request
        self.sieve = start.sieve  # of a head that is too long to be held
        self.chunked = False  # a body of chunks goes on
        self.last_ns = 0
        self.frames: Session | None = None  # of HTTP/2
        self.held = 0  # of the cursor, as it was last counted
        self.spoken = True  # the request at the cursor was said; its head's end is awaited
        self.lost = False  # where the next request begins is not known
        self.young = start.young  # until what had come by then was read

    def lose(self) -> None:
        """Where the next request begins is not known any more."""
        self.lost, self.spoken, self.frames = True, False, None
        self.sieve, self.chunked = None, False
        self.cursor.forget()

    @property
    def rests(self) -> bool:
        """Whether it awaits another request's beginning, but for bytes that wait in the cursor."""
        return not (self.lost or self.spoken or self.chunked or self.sieve or self.frames)

    def resume(self, seq: int) -> None:
        """A request begins at *seq*."""
        self.cursor.restart(seq)
        self.lost = False

    def data(self) -> bytes:
        """The head at the cursor, or what is kept of one that is too long to be held."""
        data = self.cursor.data()
        if self.sieve is None and len(data) >= STEP and self.frames is None and begins_head(data):
            self.sieve = Sieve()
        if self.sieve is None:
            return data
        used = self.sieve.feed(data)
        self.cursor.advance(used)
        return bytes(self.sieve.kept) + data[used:]

    def go_on(self, head: RequestHead) -> None:
        """*head* is whole; the cursor moves to where the next begins, as far as that is known."""
        kept = 0 if self.sieve is None else len(self.sieve.kept)
        self.spoken, self.sieve = False, None
        self.cursor.advance(head.size - kept + (head.body or 0))
        self.chunked = head.chunked
        if head.is_connect or (head.body is None and not head.chunked):
            self.lose()

    def skip_chunks(self) -> bool:
        """Pass over the chunks at the cursor; whether they end the body."""
        size, ended = measure_chunks(self.cursor.data())
        self.cursor.advance(size)
        self.chunked = not ended
        return ended


class Requests:
    """Every HTTP connection whose later requests are looked at."""

    def __init__(self, limits: Limits, namer: Namer, httpdns: HttpDns, counters: Counters) -> None:
        self._limit = limits.flow_bytes
        self._bytes_limit = limits.http_bytes
        self._wait_ns = limits.wait_s * SECOND_NS
        self._namer = namer
        self._httpdns = httpdns
        self._evictions = counters.evictions
        self._table: ConversationTable[Conversation] = Conversations(
            limits.http_flows, counters.evictions, self.restored, self.dropped
        )
        self.followed = self._table.keys  # directions of which requests are still awaited
        self._sessions: LruTable[int, Conversation] = LruTable(
            "http2_sessions", limits.http2_sessions, counters.evictions
        )
        self._waiting: dict[int, Conversation] = {}  # those that hold bytes
        self._held = 0

    def __len__(self) -> int:
        return len(self._table)

    @property
    def table(self) -> ConversationTable[Conversation]:
        """Where they are; of those in which nothing waits only their rest."""
        return self._table

    @table.setter
    def table(self, table: ConversationTable[Conversation]) -> None:
        self._table, self.followed = table, table.keys

    def restored(self, ends: bytes, interface: str | None, seq: int, host: bytes) -> Conversation:
        """A conversation of its rest."""
        told = Ends(Transport.TCP, *endpoints_of(ends), interface)
        conversation = Conversation(hash(ends), told, Start(seq, frozenset((host.decode(),))), self._limit)
        conversation.spoken = False
        return conversation

    def dropped(self, conversation: Conversation) -> None:
        """It had to go from the table."""
        self._uncount(conversation)

    def begin(self, key: int, ends: Ends, start: Start, pieces: Iterable[tuple[int, bytes]]) -> None:
        """A connection's first request was said: follow what comes behind it.

        Args:
            key: of the client's direction.
            ends: who talks to whom.
            start: where that request begins, and the names that it said.
            pieces: what has come of the stream so far, with sequence numbers.
        """
        conversation = Conversation(key, ends, start, self._limit)
        self.forget(key)
        self._table.put(key, conversation)
        for seq, data in pieces:
            conversation.cursor.add(seq, data)

    def forget(self, key: int) -> list[tuple[int, bytes]]:
        """Something else begins between these ends; what was held of it, with sequence numbers."""
        conversation = self._table.pop(key)
        if conversation is None:
            return []
        self._uncount(conversation)
        return conversation.cursor.runs()

    def may_leave(self, key: int, seq: int) -> bool:
        """Whether something else than requests may begin at *seq*: a tunnel, an upgrade, another protocol."""
        conversation = self._table.get(key)
        if conversation is None:
            return False
        return conversation.lost or (not conversation.chunked and conversation.cursor.is_at(seq))

    def feed(self, key: int, packet: Packet) -> list[Event]:
        """Take one segment of a followed connection's client."""
        conversation = self._table.get(key)
        if conversation is None:
            return []
        if conversation.lost:
            conversation.cursor.keep_up(packet.seq)
            if packet.payload[0] not in REQUEST_START or conversation.cursor.is_behind(packet.seq):
                return []
            conversation.resume(packet.seq)
        events: list[Event] = []
        payload = packet.payload
        for at in range(0, len(payload), STEP):
            piece = payload if len(payload) <= STEP else payload[at : at + STEP]
            if conversation.cursor.add(packet.seq + at, piece) or conversation.cursor.full:
                events += self.read(key, packet.time_ns)
        return events

    def read(self, key: int, time_ns: int) -> list[Event]:
        """Say what the heads at the cursor say, as far as they have come."""
        conversation = self._table.get(key)
        if conversation is None:
            return []
        conversation.last_ns = time_ns
        self._table.touch(key)
        events = self._heads(conversation, time_ns, final=False)
        conversation.young = False
        self._count(conversation)
        while self._held > self._bytes_limit and self._waiting:
            self._evictions["http_flows"] += 1
            self._give_up(next(iter(self._waiting)))
        if conversation.rests and len(conversation.names) == 1:
            self._lay_down(conversation)
        return events

    def _lay_down(self, conversation: Conversation) -> None:
        """Keep no more than where the next request begins, and what the last one said."""
        seq, ends, (name,) = conversation.cursor.rests_at, conversation.ends, conversation.names
        if DNS_PORT in (ends.client.port, ends.server.port):
            return  # each segment there goes to ``DnsStreams`` first
        if seq is not None and conversation.key in self.followed:
            self._table.rest(conversation.key, ends_of(ends.client, ends.server), ends.interface, seq, name.encode())

    def _heads(self, conversation: Conversation, time_ns: int, *, final: bool) -> list[Event]:
        events: list[Event] = []
        cursor = conversation.cursor
        try:
            while not conversation.lost and cursor.data():
                if conversation.chunked and not conversation.skip_chunks():
                    break
                data = conversation.data()
                if conversation.frames is not None or data.startswith(PREFACE):
                    events += self._frames(conversation, time_ns)
                    break
                head = parse_request_head(data, final=final) if data else None
                if head is None:
                    break
                events += self._say(conversation, head, time_ns, data)
                if not head.size:
                    break
                events += self._httpdns.asked(head, conversation.ends, time_ns, young=conversation.young)
                conversation.go_on(head)
        except DecodeError:
            conversation.lose()
        if cursor.full:
            conversation.lose()
        return events

    def _frames(self, conversation: Conversation, time_ns: int) -> list[Event]:
        """HTTP/2: say what the requests of all streams say."""
        events: list[Event] = []
        cursor = conversation.cursor
        if conversation.frames is None:
            conversation.frames = Session()
            evicted = self._sessions.put(conversation.key, conversation)
            if evicted is not None:
                evicted.lose()
                self._uncount(evicted)
            cursor.advance(len(PREFACE))
        try:
            while (data := cursor.data()) and (step := conversation.frames.read(data)) is not None:
                cursor.advance(step.size)
                if step.request is not None and step.request.authority is not None:
                    conversation.spoken = False
                    events += self._say(conversation, head_of_http2(step.request), time_ns)
        except DecodeError:
            conversation.lose()
        return events

    def _say(self, conversation: Conversation, head: RequestHead, time_ns: int, data: bytes = b"") -> list[Event]:
        """The names that this request has and the one before it had not; again when more of its head has come."""
        said = said_by_head(head, data)
        fresh = said.without(conversation.names)
        conversation.names = conversation.names | said.names if conversation.spoken else said.names
        conversation.spoken = True
        return self._namer.observations(fresh, conversation.ends, time_ns)

    def _count(self, conversation: Conversation) -> None:
        now = conversation.cursor.held + (0 if conversation.sieve is None else conversation.sieve.cost)
        self._held += now - conversation.held
        conversation.held = now
        self._waiting.pop(conversation.key, None)
        if now:
            self._waiting[conversation.key] = conversation

    def _uncount(self, conversation: Conversation) -> None:
        self._waiting.pop(conversation.key, None)
        self._sessions.pop(conversation.key)
        self._held -= conversation.held
        conversation.held = 0

    def _give_up(self, key: int) -> list[Event]:
        """Use what is there, and wait for another beginning."""
        conversation = self._waiting[key]
        events = self._heads(conversation, conversation.last_ns, final=True)
        for seq, data in conversation.cursor.runs():
            if begins_request(data):  # beyond bytes that never came
                conversation.lose()
                conversation.resume(seq)
                conversation.cursor.add(seq, data)
                events += self._heads(conversation, conversation.last_ns, final=True)
        conversation.lose()
        self._uncount(conversation)
        return events

    def expire(self, time_ns: int) -> list[Event]:
        """Give up waiting for missing bytes."""
        due = [
            key
            for key, waiting in self._waiting.items()
            if time_ns - waiting.last_ns >= self._wait_ns and waiting.cursor.held  # nothing is missing of a long head
        ]
        return [event for key in due for event in self._give_up(key)]

    def flush(self) -> list[Event]:
        """The end of the input."""
        return [event for key in list(self._waiting) for event in self._give_up(key)]

    def rebase(self, time_ns: int) -> None:
        """Time was set back: nothing was last seen later than now."""
        for conversation in self._waiting.values():
            conversation.last_ns = min(conversation.last_ns, time_ns)
