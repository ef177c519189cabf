"""One flagged connection, or one that may become such: how far its two directions got."""

from __future__ import annotations

from collections import deque

from egret.decode.packet import Packet
from egret.model import FlowKey, Transport, Volume, VolumeSource
from egret.track.bytecount import ByteCount
from egret.track.limits import SECOND_NS
from egret.track.tables import LruTable
from egret.track.tally import Tallied

_ACK = 0x10
_BUCKET_NS = 16_000_000  # how exactly the beginning of a UDP flow is cut at its detection
_BUCKETS = 64  # a second of them: no detection takes longer
_QUIC_HEADERS = 35  # 1 + 8 + 2 + 8 + 16
_LEAST_CONTENT = 64  # what is shorter acknowledges
_FULL_DATAGRAM = 1472
_TCP = Transport.TCP  # an enum's attribute costs a look-up each time


class VolumeFlow:
    """One connection, of a service (``owner``) or not yet."""

    __slots__ = (
        "changed",
        "count_in",
        "count_out",
        "datagrams",
        "ended",
        "heard",
        "key",
        "last_ns",
        "offer",
        "owner",
        "since_ns",
        "source",
        "table",
        "told",
    )

    def __init__(self, key: FlowKey) -> None:
        self.key = key  # from the client to the server
        self.owner: str | None = None
        self.table: LruTable[FlowKey, VolumeFlow] | None = None  # where it is kept
        self.since_ns = 0
        self.last_ns = 0
        self.ended = False
        self.changed = False  # since it was told
        self.source: VolumeSource | None = None  # of what its owner was told
        self.datagrams = None if key.transport is _TCP else Datagrams(len(key.source.ip))
        self.restart()

    def restart(self) -> None:
        """Its ends begin another connection."""
        self.count_out, self.count_in = ByteCount(), ByteCount()
        self.told = (0, 0)
        self.heard = False  # TCP: a packet of the client was seen
        self.offer: tuple[int, int] | None = None  # TCP: first numbers of both streams, as a server says

    def open(self, seq: int, ack: int, flags: int, *, outward: bool) -> None:
        """A handshake. A server's answer is an offer until the client takes it: anybody can send one."""
        first = (seq + 1) & 0xFFFFFFFF
        if outward:
            self.count_out.begin(first)
        elif flags & _ACK:
            self.offer = (first, ack)
            if not self.heard:
                self.count_in.begin(first)
                self.count_out.begin(ack)

    def move(self, seq: int, ack: int, flags: int, length: int, *, outward: bool) -> None:
        """A segment of TCP says how far both directions got; of a server's word it is the client's that counts."""
        if outward:
            self.heard = True
            self.count_out.sent(seq, length)
            if flags & _ACK:
                self.count_in.acknowledged(ack)
        elif not self.heard:
            self.count_in.sent(seq, length)
            if flags & _ACK:
                self.count_out.acknowledged(ack)

    def datagram(self, packet: Packet, *, outward: bool) -> None:
        """A datagram went."""
        datagrams = self.datagrams
        if datagrams is None or datagrams.is_shown_elsewhere(packet, outward=outward):
            return
        content = _content(packet)
        datagrams.tallied.see(packet.wire_payload_length, content, outward=outward)
        if self.owner is None:
            datagrams.keep(packet.time_ns, content, outward=outward)
        elif packet.time_ns > self.since_ns - _BUCKET_NS:
            count = self.count_out if outward else self.count_in
            count.count += content

    def own(self, signature: str, time_ns: int) -> None:
        """It is of this service from *time_ns* on, with what went just then."""
        self.owner, self.since_ns, self.last_ns = signature, time_ns, max(self.last_ns, time_ns)
        if self.datagrams is not None:
            sent, received = self.datagrams.take_since(time_ns)
            self.count_out.count += sent
            self.count_in.count += received

    def begins(self, packet: Packet) -> bool:
        """Whether a QUIC connection begins with *packet*: it has a long header (RFC 9000 section 17.2)."""
        if packet.transport is _TCP or (packet.source, packet.destination) != self.key[1:]:
            return False
        return bool(packet.payload) and packet.payload[0] & 0xC0 == 0xC0

    def take(self) -> Volume | None:
        """What its service moved since the last time; also nothing, where that number is known better now."""
        counted, source = (self.count_out.count, self.count_in.count), VolumeSource.TCP
        if self.datagrams is not None:
            counted, source = self.datagrams.tallied.content(counted), self.datagrams.source
        sent, received = max(0, counted[0] - self.told[0]), max(0, counted[1] - self.told[1])
        better = self.source is not None and self.source is not source
        if self.owner is None or not (sent + received or better):
            return None
        self.told, self.source = (self.told[0] + sent, self.told[1] + received), source
        return Volume(self.key.source.ip, self.owner, sent, received, source, self.last_ns)


class Datagrams:
    """What is known of a flow of UDP."""

    __slots__ = ("_buckets", "_shown", "tallied")

    def __init__(self, address_length: int) -> None:
        self.tallied = Tallied(address_length)
        self._shown: dict[bool, tuple[str | None, int]] = {}  # for outward and inward, which interface and when
        self._buckets: deque[list[int]] = deque(maxlen=_BUCKETS)  # while nobody owns it: [start, out, in]

    @property
    def source(self) -> VolumeSource:
        """How they were counted."""
        return VolumeSource.UDP if self.tallied.payload is None else VolumeSource.CONNTRACK

    def is_shown_elsewhere(self, packet: Packet, *, outward: bool) -> bool:
        """Whether another interface showed the same datagram."""
        interface, seen_ns = self._shown.get(outward, (packet.interface, 0))
        if interface != packet.interface and abs(packet.time_ns - seen_ns) < SECOND_NS:
            return True
        self._shown[outward] = (packet.interface, packet.time_ns)
        return False

    def keep(self, time_ns: int, content: int, *, outward: bool) -> None:
        """Remember what may have to be counted later."""
        start_ns = time_ns - time_ns % _BUCKET_NS
        if not self._buckets or self._buckets[-1][0] != start_ns:
            self._buckets.append([start_ns, 0, 0])
        self._buckets[-1][1 if outward else 2] += content

    def take_since(self, time_ns: int) -> tuple[int, int]:
        """What was kept from *time_ns* on, out and in; nothing is kept any more."""
        kept = [bucket for bucket in self._buckets if bucket[0] + _BUCKET_NS > time_ns]
        self._buckets.clear()
        return sum(sent for _, sent, _ in kept), sum(received for _, _, received in kept)


def _content(packet: Packet) -> int:
    """What a datagram carries: of QUIC without headers and without mere acknowledgements, as near as lengths tell.

    Behind the handshake (RFC 9000 section 17.3.1) a packet has a byte of flags, a connection id, a packet number, a
    frame's header and a tag of 16. A super-packet holds several; how many, only its length tells.
    """
    payload, length = packet.payload, packet.wire_payload_length
    if not payload or payload[0] & 0xC0 != 0x40:
        return length
    if length < _LEAST_CONTENT:
        return 0
    return length - _QUIC_HEADERS * -(-length // _FULL_DATAGRAM)


def sum_of(one: Volume, other: Volume) -> Volume:
    """What both moved, of one client and one service."""
    return one._replace(
        bytes_out=one.bytes_out + other.bytes_out,
        bytes_in=one.bytes_in + other.bytes_in,
        source=one.source.joined(other.source),
        time_ns=max(one.time_ns, other.time_ns),
    )
