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

from collections import deque
from collections.abc import Callable, Iterator

from egret.decode import gquic
from egret.decode.packet import Packet
from egret.decode.quic import LONG, Frames, LongHeader, PacketKind, is_behind_hello, parse_long_header, parse_packets
from egret.decode.quic_keys import KNOWN_VERSIONS, TRIALS, initial_keys
from egret.errors import DecodeError, Reason
from egret.model import NOTHING, Anomaly, Event, Nameless, Protocol
from egret.track.attempt import MAX_ATTEMPTS, MAX_FAILED, UNVERIFIED, Attempt, Pair, parse
from egret.track.direction import ends_of, opposite
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.track.naming import Namer, is_host, said_behind_holes
from egret.track.pairs import Pairs, PairTable

QUIC_PORTS = frozenset({80, 443, 784, 853, 8443, 8853})  # what looks like QUIC and is not is odd there
_INITIAL = PacketKind.INITIAL
_WARM = 64  # attempts of late that are ready for their next packet; it comes right behind, or not for long
_LATEST, _NEVER = 1 << 63, -1 << 62  # ns; nothing comes behind the one, or before the other

# A hello in a record, the ends of its direction, its time: whether nothing need be told of it, and it is counted.
TakeHello = Callable[[bytes, bytes, int], bool]


class QuicFlows:
    """Every QUIC connection that is watched."""

    def __init__(self, limits: Limits, namer: Namer, counters: Counters) -> None:
        self.limits = limits
        self._namer = namer
        self.pairs: PairTable = Pairs(limits.quic_flows, counters.evictions)
        self.take_hello: TakeHello | None = None
        self._warm: deque[Attempt] = deque()

    def feed(self, packet: Packet) -> list[Event]:
        """Take one datagram that begins with a long header."""
        datagram = bytes(packet.payload)
        try:
            headers = parse_packets(datagram, cut=len(datagram) < packet.wire_payload_length)
        except DecodeError as error:
            if gquic.begins_clear(datagram):
                return self.feed_clear(packet)
            return self._not_read(error.reason, packet)
        ends = ends_of(packet.source, packet.destination)
        reverse = self.pairs.get(hash(opposite(ends)))
        if reverse is not None and reverse.attempts:
            _from_server(reverse, headers[0])
            return []
        events: list[Event] = []
        for header in headers:
            if header.kind is _INITIAL:
                events += self._initial(packet, ends, datagram, header)
        return events

    def pass_over(self, datagram: bytes, ends: bytes, time_ns: int, interface: str | None) -> bool:
        """Take a datagram that tells nothing; or False, and it is to be fed.

        Args:
            datagram: the whole of it; it begins with a long header.
            ends: both addresses and both ports, as they lie in a frame.
            time_ns: when it came.
            interface: where.
        """
        try:
            header = parse_long_header(datagram, 0)
        except DecodeError:
            return False
        reverse = self.pairs.get(hash(opposite(ends)))
        if reverse is not None and reverse.attempts:
            _from_server(reverse, header)
            return True
        pair = self.pairs.get(hash(ends))
        is_new = header.kind is _INITIAL and (pair is None or not pair.has_done(header))
        if header.end < len(datagram) and datagram[header.end] & LONG and not is_behind_hello(datagram, header.end):
            headers = parse_packets(datagram, header)
            new = [each for each in headers if each.kind is _INITIAL and (pair is None or not pair.has_done(each))]
            if len(new) != 1:
                return not new
            header = new[0]
        elif not is_new:
            return True
        return self._pass_initial(pair or Pair(hash(ends), ends, interface), header, datagram, time_ns)

    def _pass_initial(self, pair: Pair, header: LongHeader, datagram: bytes, time_ns: int) -> bool:
        """Take a piece of a hello, if it is the first of its pair or its attempt has begun.

        Where it is to be fed after all, its bytes will be put where they were put here: that changes nothing.
        """
        attempt = pair.begun(header) if pair.attempts else self._first_attempt(header)
        frames = None if attempt is None else attempt.open(datagram, header)
        if attempt is None or frames is None or frames.anomaly is not None:
            return False
        whole = attempt.at_once(frames)
        if not whole:
            attempt.put(frames)
            whole = attempt.whole
        if self.pairs.held + attempt.assembly.cost > self.limits.quic_bytes:
            return False
        if whole and not self._is_told(pair, attempt, whole, time_ns):
            return False
        if pair.attempts:
            self.pairs.touch(pair.key)
        else:
            pair.attempts.append(attempt)
            evicted = self.pairs.put(pair.key, pair)
            if evicted is not None:
                self._evict(evicted)
        pair.last_ns = time_ns
        self._keep(attempt)
        self._charge(pair)
        return True

    def _first_attempt(self, header: LongHeader) -> Attempt | None:
        """An attempt of a new pair, if there is room for that, and no doubt of its version."""
        if header.version not in KNOWN_VERSIONS or not self._has_room():
            return None
        return Attempt(header.dcid, header.version, bool(header.token), initial_keys(header.dcid, header.version))

    def _has_room(self) -> bool:
        """Whether nothing is told of the pair that would have to go for another."""
        if len(self.pairs) < self.limits.quic_flows:
            return True
        oldest = self.pairs.oldest()
        return oldest is None or all(attempt.done for attempt in oldest.attempts)

    def _is_told(self, pair: Pair, attempt: Attempt, whole: bytes, time_ns: int) -> bool:
        """Whether nothing more need be told of a whole hello: it is counted, and its attempt is done."""
        record = attempt.record(whole)
        if not record or self.take_hello is None or not self.take_hello(record, pair.raw_ends, time_ns):
            return False
        attempt.finish()
        return True

    def feed_clear(self, packet: Packet) -> list[Event]:
        """Take one datagram that begins like a packet of Google's QUIC before Q050."""
        datagram = bytes(packet.payload)
        try:
            read = gquic.parse_clear(datagram, cut=len(datagram) < packet.wire_payload_length)
        except DecodeError as error:
            return self._not_read(error.reason, packet)
        crypto = read.frames.crypto
        ends = ends_of(packet.source, packet.destination)
        reverse = self.pairs.get(hash(opposite(ends)))
        if (
            not crypto
            or reverse is not None
            or any(not offset and not gquic.begins_chlo(data) for offset, data in crypto)
        ):
            return []
        events: list[Event] = []
        pair = self._pair(packet, ends, events)
        attempt = next((one for one in pair.attempts if one.dcid == read.cid), None)
        if attempt is None:
            attempt = Attempt(read.cid, read.version, False, None)
            self._begin(pair, attempt)
        return events + self._take(pair, attempt, read.frames, packet.time_ns)

    @staticmethod
    def _not_read(reason: Reason, packet: Packet) -> list[Event]:
        """Not QUIC, or not one that we read: an anomaly only where QUIC is expected."""
        datagram = packet.payload
        if packet.destination.port not in QUIC_PORTS or not datagram[0] & 0x40:
            return []
        known = int.from_bytes(datagram[1:5], "big") in KNOWN_VERSIONS
        why = reason if known or len(datagram) < 5 else Reason.UNKNOWN_VERSION
        return [Anomaly(packet.time_ns, Protocol.QUIC.value, why, packet.flow, packet.interface)]

    def _initial(self, packet: Packet, ends: bytes, datagram: bytes, header: LongHeader) -> list[Event]:
        events: list[Event] = []
        pair = self._pair(packet, ends, events)
        attempt, frames = self._open(pair, datagram, header)
        if attempt is None or frames is None:
            return events + self._unopened(pair, packet, header)
        return events + self._take(pair, attempt, frames, packet.time_ns)

    def _pair(self, packet: Packet, ends: bytes, events: list[Event]) -> Pair:
        """What is known between the two ends; what had to go for it is said to *events*."""
        key = hash(ends)
        pair = self.pairs.get(key)
        if pair is None:
            pair = Pair(key, ends, packet.interface)
            pair.last_ns = packet.time_ns
            evicted = self.pairs.put(key, pair)
            if evicted is not None:
                events += self._evict(evicted)
        return pair

    def _take(self, pair: Pair, attempt: Attempt, frames: Frames, time_ns: int) -> list[Event]:
        if attempt.done:
            return []
        pair.last_ns = time_ns
        self.pairs.touch(pair.key)
        return self._read(pair, attempt, frames, time_ns) + self._bound()

    def _open(self, pair: Pair, datagram: bytes, header: LongHeader) -> tuple[Attempt | None, Frames | None]:
        """Find the attempt whose keys open the packet; a done one is not opened again."""
        begun = pair.begun(header)
        if begun is not None:
            return begun, begun.open(datagram, header)
        tried = header.version.to_bytes(4, "big") + header.dcid
        if header.dcid not in pair.server_ids and tried not in pair.failed:
            for version in (header.version,) if header.version in KNOWN_VERSIONS else TRIALS:
                keys = initial_keys(header.dcid, version)
                attempt = Attempt(header.dcid, header.version, bool(header.token), keys)
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
    def _begin(pair: Pair, attempt: Attempt) -> None:
        """A new attempt; after a Retry or a Version Negotiation it repeats the hello of the same connection."""
        again = attempt.dcid in pair.retried or any(
            earlier.dcid == attempt.dcid or (attempt.has_token and not earlier.has_token) for earlier in pair.attempts
        )
        if again and any(earlier.done for earlier in pair.attempts):
            attempt.finish()
        elif again:
            pair.attempts.clear()
        del pair.attempts[: max(0, len(pair.attempts) - MAX_ATTEMPTS + 1)]
        pair.attempts.append(attempt)

    def _unopened(self, pair: Pair, packet: Packet, header: LongHeader) -> list[Event]:
        """No keys open it: a server's Initial whose client was not seen, a forged one, or none at all."""
        if not pair.attempts:
            self._drop(pair)
        if header.cut or header.version not in KNOWN_VERSIONS:
            return self._not_read(Reason.TRUNCATED, packet)
        return [Anomaly(packet.time_ns, Protocol.QUIC.value, Reason.DECRYPT_FAILED, packet.flow, packet.interface)]

    def _read(self, pair: Pair, attempt: Attempt, frames: Frames, time_ns: int) -> list[Event]:
        attempt.put(frames)
        self._keep(attempt)
        self._charge(pair)
        events: list[Event] = []
        if frames.anomaly is not None:
            ends = pair.ends
            events.append(Anomaly(time_ns, Protocol.QUIC.value, frames.anomaly, ends.flow, ends.interface))
        whole = attempt.whole
        if whole:
            if self._is_told(pair, attempt, whole, time_ns):
                self._charge(pair)
            else:
                events += self._settle(pair, attempt, time_ns)
        return events

    def _settle(self, pair: Pair, attempt: Attempt, time_ns: int, reason: Nameless | None = None) -> list[Event]:
        """Say what the attempt's hello says, as far as it is here."""
        ends = pair.ends
        data, *later = attempt.parts()
        attempt.finish()
        self._charge(pair)
        said, error = parse(data, attempt)
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

    def _keep(self, attempt: Attempt) -> None:
        """An attempt goes on; one that did so long ago rests."""
        warm = self._warm
        warm.append(attempt)
        if len(warm) > _WARM:
            warm.popleft().rest()

    def _charge(self, pair: Pair) -> None:
        now = pair.now()
        self.pairs.held += now - pair.cost
        pair.cost = now

    def _bound(self) -> list[Event]:
        events: list[Event] = []
        while self.pairs.held > self.limits.quic_bytes and (oldest := self.pairs.evict()) is not None:
            events += self._evict(oldest)
        return events

    def _evict(self, pair: Pair) -> list[Event]:
        """A bound was reached: *pair* is out of the table already."""
        events = self._settle_open(pair, Nameless.EVICTED)
        self.pairs.held -= pair.cost
        pair.cost = 0
        return events

    def _settle_open(self, pair: Pair, reason: Nameless | None = None) -> list[Event]:
        events: list[Event] = []
        for attempt in pair.attempts:
            if not attempt.done:
                events += self._settle(pair, attempt, pair.last_ns, reason)
        return events

    def _drop(self, pair: Pair) -> None:
        self.pairs.pop(pair.key)
        self.pairs.held -= pair.cost
        pair.cost = 0

    def expire(self, time_ns: int) -> list[Event]:
        """Settle attempts that have waited long enough; forget pairs that were quiet for long."""
        silent_ns = time_ns - self.limits.silent_s * SECOND_NS
        events: list[Event] = []
        for pair in self.pairs.unused_since(time_ns - self.limits.wait_s * SECOND_NS, silent_ns):
            events += self._settle_open(pair)
            if pair.last_ns <= silent_ns:
                self._drop(pair)
        return events

    def rebase(self, time_ns: int) -> None:
        """Time was set back: nothing was last seen later than now."""
        self.pairs.set_back(time_ns)

    def last_words(self) -> Iterator[Event]:
        """The end of the input: settle everything, one after the other."""
        for pair in self.pairs.unused_since(_LATEST, _NEVER):
            yield from self._settle_open(pair)

    def tracked(self) -> dict[str, int]:
        """Entries now, by table."""
        return {"quic_flows": len(self.pairs)}


def _from_server(pair: Pair, header: LongHeader) -> None:
    """Learn the id that the server chose; what shares its datagram has the same (RFC 9000 section 12.2)."""
    if header.kind is _INITIAL:
        pair.server_ids = _remember(pair.server_ids, header.scid)
    elif header.kind is PacketKind.RETRY:
        pair.retried = _remember(pair.retried, header.scid)


def _remember(ids: tuple[bytes, ...], cid: bytes) -> tuple[bytes, ...]:
    """The last few ids and this one; an attacker who sends many gains nothing but being tried again."""
    return ids if cid in ids else (*ids[1 - MAX_FAILED :], cid)
