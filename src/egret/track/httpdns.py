"""HTTPDNS conversations: the names that requests asked for, and the addresses that the responses gave.

Only the server's direction of connections on which such a request was seen is read, and only as far as the
response goes. The addresses name the client's later flows, as those of DNS answers do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from egret.decode import httpdns
from egret.decode.http import RequestHead, parse_reply
from egret.decode.httpdns import Query
from egret.decode.packet import Packet
from egret.errors import DecodeError
from egret.evidence import Raw
from egret.model import Event, Kind, Observation, Protocol
from egret.track.answers import Answers
from egret.track.cursor import Cursor
from egret.track.direction import key_of
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.track.naming import Ends
from egret.track.tables import LruTable

MAX_ASKED = 8  # requests on one connection that wait for their responses
MAX_RESPONSE = 24 * 1024  # of the stream: a head and a body


class _Replies:
    """What one server still has to say."""

    __slots__ = ("asked", "cursor", "ends", "last_ns")

    def __init__(self, ends: Ends) -> None:
        self.ends = ends
        self.asked: deque[Query | None] = deque(maxlen=MAX_ASKED)  # None: a request that was no look-up
        self.cursor: Cursor | None = None  # None: no response has begun
        self.last_ns = 0


class HttpDns:
    """Every connection to an HTTPDNS server that was seen asking."""

    def __init__(self, limits: Limits, answers: Answers, counters: Counters) -> None:
        self._answers = answers
        self._wait_ns = limits.wait_s * SECOND_NS
        self._silent_ns = limits.silent_s * SECOND_NS
        self._replies: LruTable[int, _Replies] = LruTable("httpdns", limits.httpdns, counters.evictions)
        self.followed = self._replies.keys  # directions in which replies are awaited
        # Called before they are awaited in one more, and whether the connection is that young (``Start``).
        self.on_asking: Callable[[int, bool], object] | None = None

    def __len__(self) -> int:
        return len(self._replies)

    def asked(self, head: RequestHead, ends: Ends, time_ns: int, *, young: bool = False) -> list[Event]:
        """Take one request's whole head; what it asks for. What *young* is, ``Start`` says of its connection."""
        query = httpdns.parse_query(head, ends.server.ip)
        key = key_of(ends.server, ends.client)
        replies = self._replies.get(key)
        if query is None:
            if replies is not None:
                replies.asked.append(None)
            return []
        if replies is None:
            if self.on_asking is not None:
                self.on_asking(key, young)
            replies = _Replies(ends)
            self._replies.put(key, replies)
        replies.asked.append(query)
        replies.last_ns = time_ns
        self._replies.touch(key)
        return [self._question(name, query, ends, time_ns, Raw(_request(head))) for name in query.names]

    @staticmethod
    def _question(name: str, query: Query, ends: Ends, time_ns: int, raw: Raw) -> Observation:
        return Observation(
            time_ns=time_ns,
            protocol=Protocol.HTTPDNS,
            kind=Kind.QUERY,
            name=name,
            client=ends.client,
            server=ends.server,
            interface=ends.interface,
            attributes={"transport": ends.transport.value, "provider": query.provider},
            raw=raw,
        )

    def feed(self, packet: Packet) -> list[Event]:
        """Take one segment of a server's direction; what its responses say."""
        key = key_of(packet.source, packet.destination)
        replies = self._replies.get(key)
        if replies is None or not packet.payload:
            return []
        if replies.cursor is None:
            if not b"HTTP/1.".startswith(bytes(packet.payload[:7])):
                return []
            replies.cursor = Cursor(packet.seq, MAX_RESPONSE)
        replies.last_ns = packet.time_ns
        self._replies.touch(key)
        replies.cursor.add(packet.seq, packet.payload)
        return self._read(key, replies)

    def _read(self, key: int, replies: _Replies, *, final: bool = False) -> list[Event]:
        """Take the whole responses at the front, each for the request whose turn it is."""
        events: list[Event] = []
        cursor = replies.cursor
        while cursor is not None and replies.asked and (data := cursor.data()):
            try:
                reply = parse_reply(data, final=final)
            except DecodeError:
                self._replies.pop(key)
                return events
            if reply is None:
                break
            cursor.advance(reply.size)
            if reply.status < 200:  # an interim response: the real one follows (RFC 9110 section 15.2)
                continue
            query = replies.asked.popleft()
            if query is not None:
                events += self._said(query, reply.body, replies)
        if not replies.asked or (cursor is not None and cursor.full):
            self._replies.pop(key)
        return events

    def _said(self, query: Query, body: bytes, replies: _Replies) -> list[Event]:
        events: list[Event] = []
        ends, time_ns = replies.ends, replies.last_ns
        self._answers.catch_up(ends.client.ip)
        for answer in httpdns.parse_answers(body, query.names):
            for address in answer.addresses:
                self._answers.learn(ends.client.ip, address, answer.name, answer.ttl_s, time_ns)
            self._answers.keep(ends.client.ip, answer.addresses, answer.name, answer.ttl_s, time_ns)
            events.append(
                Observation(
                    time_ns=time_ns,
                    protocol=Protocol.HTTPDNS,
                    kind=Kind.ANSWER,
                    name=answer.name,
                    client=ends.client,
                    server=ends.server,
                    interface=ends.interface,
                    addresses=answer.addresses,
                    ttl_s=answer.ttl_s,
                    attributes={"transport": ends.transport.value, "provider": query.provider},
                )
            )
        return events

    def expire(self, time_ns: int) -> list[Event]:
        """Give up waiting: a response without a length ends when nothing more comes."""
        due: list[tuple[int, _Replies]] = []
        for key, replies in self._replies.oldest_first():
            age = time_ns - replies.last_ns
            if age < self._wait_ns:
                break
            if replies.cursor is not None or age >= self._silent_ns:
                due.append((key, replies))
        return self._settle(due)

    def flush(self) -> list[Event]:
        """The end of the input."""
        return self._settle(list(self._replies.oldest_first()))

    def _settle(self, due: list[tuple[int, _Replies]]) -> list[Event]:
        events: list[Event] = []
        for key, replies in due:
            events += self._read(key, replies, final=True)
            self._replies.pop(key)
        return events

    def rebase(self, time_ns: int) -> None:
        """Time was set back: nothing was last seen later than now."""
        for _, replies in self._replies.oldest_first():
            replies.last_ns = min(replies.last_ns, time_ns)


def _request(head: RequestHead) -> bytes:
    """The lines of a request that make it a look-up."""
    host = head.host or head.name
    field = f"Host: {host}\r\n".encode() if host else b""
    return b"GET " + head.target + b" HTTP/1.1\r\n" + field + b"\r\n"
