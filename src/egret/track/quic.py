"""QUIC connections: client Initial packets opened, and their CRYPTO frames put together.

The keys of an attempt come from the Destination Connection ID of the client's first Initial. Later
client Initials carry the id that the server chose and are still sealed with the first keys; after a
Retry a new attempt begins with the id of the Retry (RFC 9001 section 5.2). So each Initial is tried
with its own id's keys, then with those of the attempts between the same two ends. Whichever opens
with the *client's* keys was sent by the client: the direction needs no port numbers.
"""

from __future__ import annotations

from egret.decode.packet import Packet
from egret.decode.quic import LongHeader, PacketKind, open_initial, parse_frames, parse_packets
from egret.decode.quic_keys import InitialKeys, initial_keys
from egret.decode.tls import MAX_HELLO, ClientHello, parse_client_hello
from egret.errors import DecodeError, Reason
from egret.model import Anomaly, Event, Nameless, Protocol, Transport
from egret.track.assembly import Assembly
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.track.naming import Ends, Namer, said_by_hello
from egret.track.tables import LruTable

MAX_ATTEMPTS = 4  # of one address pair at a time: a Retry, a new version, a port used again
MAX_FAILED = 8  # connection ids of one pair that no keys opened
_QUIC_PORTS = frozenset({80, 443, 784, 853, 8443, 8853})


_EMPTY = Assembly(0)


class _Attempt:
    """One connection attempt of a client."""

    __slots__ = ("_keys", "assembly", "dcid", "token", "version")

    def __init__(self, header: LongHeader) -> None:
        self.dcid = header.dcid
        self.version = header.version
        self.token = header.token
        self.assembly = Assembly(MAX_HELLO)
        self._keys: InitialKeys | None = initial_keys(header.dcid, header.version)

    @property
    def done(self) -> bool:
        """Its hello was said; nothing more is opened."""
        return self._keys is None

    def open(self, datagram: bytes, header: LongHeader) -> bytes | None:
        """The frames of one packet; empty once the attempt is done; None: sealed with other keys."""
        return b"" if self._keys is None else open_initial(datagram, header, self._keys)

    def finish(self) -> bytes:
        """Give the hello as far as it is here, and keep nothing but the id."""
        data = self.assembly.run(0)
        self.assembly = _EMPTY
        self._keys = None
        return data


class _Pair:
    """What is known between one client and one server."""

    __slots__ = ("attempts", "cost", "ends", "failed", "key", "last_ns", "retried", "server_ids")

    def __init__(self, key: int, ends: Ends) -> None:
        self.key = key
        self.ends = ends
        self.attempts: list[_Attempt] = []
        self.failed: set[bytes] = set()  # ids whose own keys did not open what bore them
        self.server_ids: set[bytes] = set()  # ids the server chose: no attempt begins with them
        self.retried: set[bytes] = set()  # ids of Retry packets: the same connection goes on
        self.last_ns = 0
        self.cost = 0


class QuicFlows:
    """Every QUIC connection that is watched."""

    def __init__(self, limits: Limits, namer: Namer, counters: Counters) -> None:
        self._limits = limits
        self._namer = namer
        self._pairs: LruTable[int, _Pair] = LruTable("quic_flows", limits.quic_flows, counters.evictions)
        self._held = 0

    def feed(self, packet: Packet) -> list[Event]:
        """Take one datagram that begins with a long header."""
        datagram = bytes(packet.payload)
        try:
            headers = parse_packets(datagram)
        except DecodeError as error:
            return self._not_read(error, packet, datagram)
        reverse = self._pairs.get(hash((packet.destination, packet.source)))
        if reverse is not None and reverse.attempts:
            self._from_server(reverse, headers)
            return []
        events: list[Event] = []
        for header in headers:
            if header.kind is PacketKind.INITIAL:
                events += self._initial(packet, datagram, header)
        return events

    @staticmethod
    def _not_read(error: DecodeError, packet: Packet, datagram: bytes) -> list[Event]:
        """Not QUIC, or not one that we read: an anomaly only where QUIC is expected."""
        expected = packet.destination.port in _QUIC_PORTS and datagram[0] & 0x40
        if not expected:
            return []
        return [Anomaly(packet.time_ns, Protocol.QUIC.value, error.reason, packet.flow, packet.interface)]

    @staticmethod
    def _from_server(pair: _Pair, headers: list[LongHeader]) -> None:
        """Learn the ids that the server chose."""
        for header in headers:
            if header.kind is PacketKind.RETRY:
                _remember(pair.retried, header.scid)
            elif header.kind is not PacketKind.VERSION_NEGOTIATION:
                _remember(pair.server_ids, header.scid)

    def _initial(self, packet: Packet, datagram: bytes, header: LongHeader) -> list[Event]:
        key = hash((packet.source, packet.destination))
        events: list[Event] = []
        pair = self._pairs.get(key)
        if pair is None:
            pair = _Pair(key, Ends(Transport.UDP, packet.source, packet.destination, packet.interface))
            pair.last_ns = packet.time_ns
            evicted = self._pairs.put(key, pair)
            events = [] if evicted is None else self._evict(evicted)
        attempt, frames = self._open(pair, datagram, header)
        if frames is None:
            return events + self._unopened(pair, packet)
        if attempt is None or attempt.done:
            return events
        pair.last_ns = packet.time_ns
        self._pairs.touch(key)
        events += self._read(pair, attempt, frames, packet.time_ns)
        return events + self._bound()

    def _open(self, pair: _Pair, datagram: bytes, header: LongHeader) -> tuple[_Attempt | None, bytes | None]:
        """Find the attempt whose keys open the packet; a done one is not opened again."""
        for attempt in pair.attempts:
            if attempt.dcid == header.dcid and attempt.version == header.version:
                return attempt, attempt.open(datagram, header)
        if header.dcid not in pair.server_ids and header.dcid not in pair.failed:
            attempt = _Attempt(header)
            frames = attempt.open(datagram, header)
            if frames is not None:
                self._begin(pair, attempt)
                return attempt, frames
            _remember(pair.failed, header.dcid)
        for attempt in reversed(pair.attempts):
            frames = attempt.open(datagram, header)
            if frames is not None:
                return attempt, frames
        return None, None

    @staticmethod
    def _begin(pair: _Pair, attempt: _Attempt) -> None:
        """A new attempt; after a Retry or a Version Negotiation it repeats the hello of the same connection."""
        again = attempt.dcid in pair.retried or any(
            earlier.dcid == attempt.dcid or (attempt.token and not earlier.token) for earlier in pair.attempts
        )
        if again and any(earlier.done for earlier in pair.attempts):
            attempt.finish()
        elif again:
            pair.attempts.clear()
        del pair.attempts[: max(0, len(pair.attempts) - MAX_ATTEMPTS + 1)]
        pair.attempts.append(attempt)

    def _unopened(self, pair: _Pair, packet: Packet) -> list[Event]:
        """No keys open it: a server's Initial whose client was not seen, or a forged one."""
        if not pair.attempts:
            self._drop(pair)
        return [Anomaly(packet.time_ns, Protocol.QUIC.value, Reason.DECRYPT_FAILED, packet.flow, packet.interface)]

    def _read(self, pair: _Pair, attempt: _Attempt, payload: bytes, time_ns: int) -> list[Event]:
        frames = parse_frames(payload)
        for offset, data in frames.crypto:
            if offset <= MAX_HELLO:
                attempt.assembly.add(offset, data)
        self._charge(pair)
        events: list[Event] = []
        if frames.anomaly is not None:
            ends = pair.ends
            events.append(Anomaly(time_ns, Protocol.QUIC.value, frames.anomaly, ends.flow, ends.interface))
        held = attempt.assembly.length_at(0)
        if held >= 4 and held >= _wanted(attempt.assembly.run(0)):
            events += self._settle(pair, attempt, time_ns)
        return events

    def _settle(self, pair: _Pair, attempt: _Attempt, time_ns: int, reason: Nameless | None = None) -> list[Event]:
        """Say what the attempt's hello says, as far as it is here."""
        ends = pair.ends
        data = attempt.finish()
        self._charge(pair)
        hello, error = _parse(data)
        if hello is not None:
            said = said_by_hello(hello, Protocol.QUIC)
            return [*self._namer.observations(said, ends, time_ns), self._namer.connection(said, ends, time_ns)]
        events: list[Event] = []
        if error is not None:
            events.append(Anomaly(time_ns, Protocol.QUIC.value, error, ends.flow, ends.interface))
        why = Nameless.INCOMPLETE if error in {None, Reason.TRUNCATED} else Nameless.UNREADABLE
        events.append(self._namer.nameless(reason or why, ends, time_ns, Protocol.QUIC))
        return events

    def _charge(self, pair: _Pair) -> None:
        now = sum(attempt.assembly.cost for attempt in pair.attempts)
        self._held += now - pair.cost
        pair.cost = now

    def _bound(self) -> list[Event]:
        events: list[Event] = []
        while self._held > self._limits.quic_bytes and (oldest := self._pairs.evict()) is not None:
            events += self._evict(oldest)
        return events

    def _evict(self, pair: _Pair) -> list[Event]:
        """A bound was reached: *pair* is out of the table already."""
        events = self._settle_open(pair, Nameless.EVICTED)
        self._held -= pair.cost
        pair.cost = 0
        return events

    def _settle_open(self, pair: _Pair, reason: Nameless | None = None) -> list[Event]:
        events: list[Event] = []
        for attempt in pair.attempts:
            if not attempt.done:
                events += self._settle(pair, attempt, pair.last_ns, reason)
        return events

    def _drop(self, pair: _Pair) -> None:
        self._pairs.pop(pair.key)
        self._held -= pair.cost
        pair.cost = 0

    def expire(self, time_ns: int) -> list[Event]:
        """Settle attempts that have waited long enough; forget pairs that were quiet for long."""
        wait_ns = self._limits.wait_s * SECOND_NS
        silent_ns = self._limits.silent_s * SECOND_NS
        due: list[_Pair] = []
        for _, pair in self._pairs.oldest_first():
            if time_ns - pair.last_ns < wait_ns:
                break  # the table is in order of last use
            due.append(pair)
        events: list[Event] = []
        for pair in due:
            events += self._settle_open(pair)
            if time_ns - pair.last_ns >= silent_ns:
                self._drop(pair)
        return events

    def rebase(self, time_ns: int) -> None:
        """Time was set back: nothing was last seen later than now."""
        for _, pair in self._pairs.oldest_first():
            pair.last_ns = min(pair.last_ns, time_ns)

    def flush(self) -> list[Event]:
        """The end of the input: settle everything."""
        return [event for _, pair in self._pairs.oldest_first() for event in self._settle_open(pair)]

    def tracked(self) -> dict[str, int]:
        """Entries now, by table."""
        return {"quic_flows": len(self._pairs)}


def _remember(ids: set[bytes], cid: bytes) -> None:
    """Keep a few ids; an attacker who sends many gains nothing but being tried again."""
    if len(ids) >= MAX_FAILED:
        ids.pop()
    ids.add(cid)


def _wanted(data: bytes) -> int:
    """How long the handshake message is; never more than we keep."""
    return min(4 + int.from_bytes(data[1:4], "big"), MAX_HELLO)


def _parse(data: bytes) -> tuple[ClientHello | None, Reason | None]:
    if not data:
        return None, None
    try:
        return parse_client_hello(data[: _wanted(data)] if len(data) >= 4 else data), None
    except DecodeError as error:
        return None, error.reason
