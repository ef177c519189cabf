"""QUIC connections: client Initial packets opened, and their CRYPTO frames put together.

The keys of an attempt come from the Destination Connection ID of the client's first Initial. Later
client Initials carry the id that the server chose and are still sealed with the first keys; after a
Retry a new attempt begins with the id of the Retry (RFC 9001 section 5.2). So each Initial is tried
with its own id's keys, then with those of the attempts between the same two ends. Whichever opens
with the *client's* keys was sent by the client: the direction needs no port numbers.

Versions that nobody registered are tried with the keys of those that they are likely to be copies of.
Google's own QUIC up to Q046 has no keys at all; there a CHLO, which only clients send, tells the direction.
Of a packet that the snap length cut, the tag is gone: it is read without proof, and what it says counts
only if it is a host name, marked ``unverified``.
"""

from __future__ import annotations

from egret.decode import gquic
from egret.decode.packet import Packet
from egret.decode.quic import Frames, LongHeader, PacketKind, open_initial, parse_frames, parse_packets, peek_initial
from egret.decode.quic_keys import KNOWN_VERSIONS, TRIALS, InitialKeys, initial_keys
from egret.decode.tls import MAX_HELLO, parse_client_hello
from egret.errors import DecodeError, Reason
from egret.evidence import Raw
from egret.model import NOTHING, Anomaly, Event, Nameless, Protocol, Transport
from egret.track.assembly import Assembly
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.track.naming import Ends, Namer, Said, is_host, said_behind_holes, said_by_chlo, said_by_hello
from egret.track.tables import LruTable, set_back, unused_since

MAX_ATTEMPTS = 4  # of one address pair at a time: a Retry, a new version, a port used again
MAX_FAILED = 8  # connection ids of one pair that no keys opened
_QUIC_PORTS = frozenset({80, 443, 784, 853, 8443, 8853})


_EMPTY = Assembly(0)
UNVERIFIED = {"unverified": True}
_NO_FRAMES = Frames((), False, None)
_NO_IDS: tuple[bytes, ...] = ()  # tuples, as they hold one or none: a set for each would be half of all that is kept


class _Attempt:
    """One connection attempt of a client."""

    __slots__ = ("_keys", "assembly", "chlo", "dcid", "done", "token", "unverified", "version")

    def __init__(self, dcid: bytes, version: int, token: bytes, keys: InitialKeys | None) -> None:
        self.dcid = dcid
        self.version = version
        self.token = token
        self.chlo = keys is None or version == gquic.Q050  # its hello is Google's, not TLS
        self.done = False  # its hello was said; nothing more is opened
        self.unverified = False  # something was read without proof
        self.assembly = Assembly(MAX_HELLO)
        self._keys = keys

    def open(self, datagram: bytes, header: LongHeader) -> Frames | None:
        """The frames of one packet; none once the attempt is done; None: sealed with other keys."""
        if self._keys is None:
            return _NO_FRAMES
        if header.cut:
            return self._peek(datagram, header, self._keys)
        payload = open_initial(datagram, header, self._keys)
        return None if payload is None else self._frames(payload, cut=False)

    def _peek(self, datagram: bytes, header: LongHeader, keys: InitialKeys) -> Frames | None:
        """Other keys would make noise of it: believed only if it reads as frames of a hello."""
        payload = peek_initial(datagram, header, keys)
        frames = None if payload is None else self._frames(payload, cut=True)
        if frames is None or frames.anomaly is not None or not frames.crypto:
            return None
        if any(offset > MAX_HELLO for offset, _ in frames.crypto):
            return None
        self.unverified = True
        return frames

    def _frames(self, payload: bytes, *, cut: bool) -> Frames:
        if self.version in gquic.SEALED:
            return gquic.parse_frames(payload, self.version, cut=cut)
        return parse_frames(payload, cut=cut)

    @property
    def whole(self) -> bool:
        """Whether the hello is here to its end."""
        held = self.assembly.length_at(0)
        if held < 4:
            return False
        data = self.assembly.run(0)
        return held >= (gquic.chlo_length(data) if self.chlo else _wanted(data))

    def finish(self) -> list[bytes]:
        """Give the hello as far as it is here, its beginning first and then what lies behind holes; keep the id."""
        assembly = self.assembly
        parts = [assembly.run(0), *(assembly.run(start) for start in assembly.starts() if start)]
        self.assembly = _EMPTY
        self._keys = None
        self.done = True
        return parts


class _Pair:
    """What is known between one client and one server."""

    __slots__ = ("attempts", "cost", "ends", "failed", "key", "last_ns", "retried", "server_ids")

    def __init__(self, key: int, ends: Ends) -> None:
        self.key = key
        self.ends = ends
        self.attempts: list[_Attempt] = []
        self.failed = _NO_IDS  # versions and ids whose own keys did not open what bore them
        self.server_ids = _NO_IDS  # ids the server chose: no attempt begins with them
        self.retried = _NO_IDS  # ids of Retry packets: the same connection goes on
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
            headers = parse_packets(datagram, cut=len(datagram) < packet.wire_payload_length)
        except DecodeError as error:
            if gquic.begins_clear(datagram):
                return self.feed_clear(packet)
            return self._not_read(error.reason, packet)
        reverse = self._pairs.get(hash((packet.destination, packet.source)))
        if reverse is not None and reverse.attempts:
            self._from_server(reverse, headers)
            return []
        events: list[Event] = []
        for header in headers:
            if header.kind is PacketKind.INITIAL:
                events += self._initial(packet, datagram, header)
        return events

    def feed_clear(self, packet: Packet) -> list[Event]:
        """Take one datagram that begins like a packet of Google's QUIC before Q050."""
        datagram = bytes(packet.payload)
        try:
            read = gquic.parse_clear(datagram, cut=len(datagram) < packet.wire_payload_length)
        except DecodeError as error:
            return self._not_read(error.reason, packet)
        crypto = read.frames.crypto
        reverse = self._pairs.get(hash((packet.destination, packet.source)))
        if (
            not crypto
            or reverse is not None
            or any(not offset and not gquic.begins_chlo(data) for offset, data in crypto)
        ):
            return []
        events: list[Event] = []
        pair = self._pair(packet, events)
        attempt = next((one for one in pair.attempts if one.dcid == read.cid), None)
        if attempt is None:
            attempt = _Attempt(read.cid, read.version, b"", None)
            self._begin(pair, attempt)
        return events + self._take(pair, attempt, read.frames, packet.time_ns)

    @staticmethod
    def _not_read(reason: Reason, packet: Packet) -> list[Event]:
        """Not QUIC, or not one that we read: an anomaly only where QUIC is expected."""
        datagram = packet.payload
        if packet.destination.port not in _QUIC_PORTS or not datagram[0] & 0x40:
            return []
        known = int.from_bytes(datagram[1:5], "big") in KNOWN_VERSIONS
        why = reason if known or len(datagram) < 5 else Reason.UNKNOWN_VERSION
        return [Anomaly(packet.time_ns, Protocol.QUIC.value, why, packet.flow, packet.interface)]

    @staticmethod
    def _from_server(pair: _Pair, headers: list[LongHeader]) -> None:
        """Learn the ids that the server chose."""
        for header in headers:
            if header.kind is PacketKind.RETRY:
                pair.retried = _remember(pair.retried, header.scid)
            elif header.kind is not PacketKind.VERSION_NEGOTIATION:
                pair.server_ids = _remember(pair.server_ids, header.scid)

    def _initial(self, packet: Packet, datagram: bytes, header: LongHeader) -> list[Event]:
        events: list[Event] = []
        pair = self._pair(packet, events)
        attempt, frames = self._open(pair, datagram, header)
        if attempt is None or frames is None:
            return events + self._unopened(pair, packet, header)
        return events + self._take(pair, attempt, frames, packet.time_ns)

    def _pair(self, packet: Packet, events: list[Event]) -> _Pair:
        """What is known between the two ends; what had to go for it is said to *events*."""
        key = hash((packet.source, packet.destination))
        pair = self._pairs.get(key)
        if pair is None:
            pair = _Pair(key, Ends(Transport.UDP, packet.source, packet.destination, packet.interface))
            pair.last_ns = packet.time_ns
            evicted = self._pairs.put(key, pair)
            if evicted is not None:
                events += self._evict(evicted)
        return pair

    def _take(self, pair: _Pair, attempt: _Attempt, frames: Frames, time_ns: int) -> list[Event]:
        if attempt.done:
            return []
        pair.last_ns = time_ns
        self._pairs.touch(pair.key)
        return self._read(pair, attempt, frames, time_ns) + self._bound()

    def _open(self, pair: _Pair, datagram: bytes, header: LongHeader) -> tuple[_Attempt | None, Frames | None]:
        """Find the attempt whose keys open the packet; a done one is not opened again."""
        for attempt in pair.attempts:
            if attempt.dcid == header.dcid and attempt.version == header.version:
                return attempt, attempt.open(datagram, header)
        tried = header.version.to_bytes(4, "big") + header.dcid
        if header.dcid not in pair.server_ids and tried not in pair.failed:
            for version in (header.version,) if header.version in KNOWN_VERSIONS else TRIALS:
                keys = initial_keys(header.dcid, version)
                attempt = _Attempt(header.dcid, header.version, header.token, keys)
                frames = attempt.open(datagram, header)
                if frames is not None:
                    self._begin(pair, attempt)
                    return attempt, frames
            if not header.cut:
                pair.failed = _remember(pair.failed, tried)
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

    def _unopened(self, pair: _Pair, packet: Packet, header: LongHeader) -> list[Event]:
        """No keys open it: a server's Initial whose client was not seen, a forged one, or none at all."""
        if not pair.attempts:
            self._drop(pair)
        if header.cut or header.version not in KNOWN_VERSIONS:
            return self._not_read(Reason.TRUNCATED, packet)
        return [Anomaly(packet.time_ns, Protocol.QUIC.value, Reason.DECRYPT_FAILED, packet.flow, packet.interface)]

    def _read(self, pair: _Pair, attempt: _Attempt, frames: Frames, time_ns: int) -> list[Event]:
        for offset, data in frames.crypto:
            if offset <= MAX_HELLO:
                attempt.assembly.add(offset, data)
        self._charge(pair)
        events: list[Event] = []
        if frames.anomaly is not None:
            ends = pair.ends
            events.append(Anomaly(time_ns, Protocol.QUIC.value, frames.anomaly, ends.flow, ends.interface))
        if attempt.whole:
            events += self._settle(pair, attempt, time_ns)
        return events

    def _settle(self, pair: _Pair, attempt: _Attempt, time_ns: int, reason: Nameless | None = None) -> list[Event]:
        """Say what the attempt's hello says, as far as it is here."""
        ends = pair.ends
        data, *later = attempt.finish()
        self._charge(pair)
        said, error = _parse(data, attempt)
        if said is None and later and not attempt.chlo:
            said = said_behind_holes(later, Protocol.QUIC, UNVERIFIED if attempt.unverified else NOTHING)
        if attempt.unverified and (said is None or not is_host(said.name)):
            return []
        if said is None and attempt.chlo and not data:
            return []  # nothing that only a client sends
        if said is not None:
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
        silent_ns = self._limits.silent_s * SECOND_NS
        events: list[Event] = []
        for pair in unused_since(self._pairs, time_ns - self._limits.wait_s * SECOND_NS):
            events += self._settle_open(pair)
            if time_ns - pair.last_ns >= silent_ns:
                self._drop(pair)
        return events

    def rebase(self, time_ns: int) -> None:
        """Time was set back: nothing was last seen later than now."""
        set_back(self._pairs, time_ns)

    def flush(self) -> list[Event]:
        """The end of the input: settle everything."""
        return [event for _, pair in self._pairs.oldest_first() for event in self._settle_open(pair)]

    def tracked(self) -> dict[str, int]:
        """Entries now, by table."""
        return {"quic_flows": len(self._pairs)}


def _remember(ids: tuple[bytes, ...], cid: bytes) -> tuple[bytes, ...]:
    """The last few ids and this one; an attacker who sends many gains nothing but being tried again."""
    return ids if cid in ids else (*ids[1 - MAX_FAILED :], cid)


def _wanted(data: bytes) -> int:
    """How long the handshake message is; never more than we keep."""
    return min(4 + int.from_bytes(data[1:4], "big"), MAX_HELLO)


def _parse(data: bytes, attempt: _Attempt) -> tuple[Said | None, Reason | None]:
    if not data:
        return None, None
    try:
        if attempt.chlo:
            return said_by_chlo(gquic.parse_chlo(data), attempt.version), None
        said = said_by_hello(parse_client_hello(data[: _wanted(data)] if len(data) >= 4 else data), Protocol.QUIC)
    except DecodeError as error:
        return None, error.reason
    said = said._replace(raw=Raw(said.raw.data if said.raw else b"", attempt.dcid, attempt.version))
    if attempt.unverified:
        said = said._replace(attributes={**said.attributes, **UNVERIFIED}, anomaly=None)
    return said, None
