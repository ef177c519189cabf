"""How much flagged connections move: headers in, bytes up and down per client and service out.

Addresses are *armed* when an answer gives them for a flagged name, so that a flow is counted from its first packet
although it is *flagged* only when its hello was read. Flows to armed addresses that nobody flags are forgotten, and
nothing is ever said about them.

TCP is counted by sequence numbers (``track.bytecount``): a few packets tell all. It is the client's packets that tell,
what it sent and what it acknowledges; an outsider's word counts only where the client's packets are not seen at all.
UDP has only its datagrams: each counts by its length, with QUIC less an estimate of its headers, in each direction on
the interface that shows it, so that a flow that two interfaces show counts once. Where the host's connection tracking
counts the flow too, its numbers are taken instead (``track.tally``).

Sans-I/O, bounded, never raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from egret.decode.packet import Packet
from egret.model import Endpoint, FlowKey, Transport, Volume
from egret.track.direction import endpoints_of, opposite
from egret.track.limits import SECOND_NS, Limits
from egret.track.tables import LruTable, set_back, unused_since
from egret.track.tally import Tally
from egret.track.volume_flow import VolumeFlow, sum_of

_FIN, _SYN, _RST = 0x01, 0x02, 0x04
_SETTLING = _FIN | _SYN | _RST
_DNS = 53  # a look-up is no use of a service, even where the resolver is one
_ARMED_NS = 3600 * SECOND_NS  # how long after an answer, or a connection, another may come
_PENDING_NS = 300 * SECOND_NS  # how long a quiet flow may wait to be flagged
_IDLE_NS = {Transport.TCP: 3 * 3600 * SECOND_NS, Transport.UDP: 600 * SECOND_NS}  # a keep-alive may take 2 hours
_ENDED_NS = 30 * SECOND_NS  # for what comes late
_LOOK_NS = 10 * SECOND_NS  # how often to look for what has been quiet: those times need not be exact
_TCP, _UDP = Transport.TCP, Transport.UDP  # an enum's attribute costs a look-up each time
_NOTHING = memoryview(b"")
_new = tuple.__new__


class Volumes:
    """The bytes of flagged flows.

    While it is not ``active`` no packet matters, and none need be fed. ``generation`` changes with the set of
    ``addresses``.
    """

    def __init__(self, limits: Limits, evictions: Counter[str]) -> None:
        self._peers: LruTable[bytes, int] = LruTable("volume_peers", limits.volume_peers, evictions)
        self._flows: LruTable[FlowKey, VolumeFlow] = LruTable("volume_flows", limits.volume_flows, evictions)
        self._pending: LruTable[FlowKey, VolumeFlow] = LruTable("volume_pending", limits.volume_flows, evictions)
        self.armed = self._peers.keys
        # By the ends of a direction of TCP its flow and whether it is the client's, where one end is armed, as long as
        # what is armed has not changed; of flows that are in no table any more as well:
        self._ways: dict[bytes, tuple[VolumeFlow, bool]] = {}
        self._most_ways = 2 * limits.volume_flows
        self._said: dict[tuple[bytes, str], Volume] = {}
        self._changed = 0  # flows that have something to tell
        self._looked_ns = 0
        self.active = False
        self.generation = 0
        self._round = 0
        self.on_arming: Callable[[], object] | None = None  # called when packets of another address begin to matter
        self.datagrams = True  # False where UDP is fed by ``feed_header`` only: what else comes is a part of it

    def addresses(self) -> list[bytes]:
        """The addresses whose packets matter, those used last at the end.

        A kernel filter looks at the end with the lower port: where that is a client, its address is among them.
        """
        low = (key.source.ip for key, _ in self._flows.oldest_first() if key.source.port <= key.destination.port)
        return [*dict.fromkeys(low), *(address for address, _ in self._peers.oldest_first())]

    def tracked(self) -> dict[str, int]:
        """Entries now, by table."""
        return {
            "volume_peers": len(self._peers),
            "volume_flows": len(self._flows),
            "volume_pending": len(self._pending),
        }

    def is_armed(self, address: bytes) -> bool:
        """Whether packets from and to *address* matter."""
        return address in self.armed

    def arm(self, address: bytes, time_ns: int) -> None:
        """A flagged name was said to be at *address*: count flows to it from their beginning."""
        until_ns = self._peers.get(address)
        if until_ns is None:
            self._ways.clear()
            self.generation += 1
            if self.on_arming is not None:
                self.on_arming()
        self._peers.put(address, max(until_ns or 0, time_ns + _ARMED_NS))
        self.active = True

    def flag(self, key: FlowKey, signature: str, packet: Packet | None, first_seq: int | None, time_ns: int) -> None:
        """A flow of this service was detected.

        Args:
            key: from the client to the server.
            signature: whose id the bytes count for from now on.
            packet: the one that showed it, if one did.
            first_seq: of TCP: where the client's stream began, if that is known.
            time_ns: when.
        """
        self.arm(key.destination.ip, time_ns)
        flow = self._flows.get(key)
        if flow is None:
            flow = self._pending.pop(key)
            fresh = flow is None
            flow = self._own(flow or VolumeFlow(key), signature, time_ns)
            if fresh and packet is not None:
                self._feed_own(flow, packet)
        elif flow.owner != signature:
            self._say(flow)
            flow.owner, flow.source = signature, None
        if packet is not None and flow.datagrams is not None and flow.begins(packet):
            flow.datagrams.tallied.whole = True
        if first_seq is not None and key.transport is _TCP:
            flow.count_out.begin(first_seq)
        self._change(flow)

    def _change(self, flow: VolumeFlow) -> None:
        if not flow.changed:
            flow.changed = True
            self._changed += 1

    def _own(self, flow: VolumeFlow, signature: str, time_ns: int) -> VolumeFlow:
        flow.own(signature, time_ns)
        flow.table = self._flows
        if evicted := self._flows.put(flow.key, flow):
            evicted.table = None
            self._say(evicted)
        self.generation += flow.key.source.port <= flow.key.destination.port
        return flow

    def _feed_own(self, flow: VolumeFlow, packet: Packet) -> None:
        """The packet that showed a flow came before anybody knew that it matters."""
        if {packet.source, packet.destination} == {flow.key.source, flow.key.destination}:
            self.feed(packet)

    def feed(self, packet: Packet) -> None:
        """Take one packet of the capture that names are read from."""
        armed = self.armed
        if packet.destination.ip not in armed and packet.source.ip not in armed:
            return
        if self.datagrams or packet.transport is _TCP:
            self.feed_header(packet)

    def feed_segment(self, ends: bytes, seq: int, ack: int, flags: int, length: int, time_ns: int) -> None:
        """As ``feed_header``, a segment of TCP between *ends* (``direction.ends_of``) that carries *length* bytes."""
        way = self._ways.get(ends)
        if way is not None and (table := way[0].table) is not None:
            key = way[0].key
            table.touch(key)  # as ``_find`` does
            if table is self._flows:
                self._peers.touch(key.destination.ip)
        elif (way := self._learn_way(ends)) is None:
            return
        flow, outward = way
        flow.last_ns = time_ns
        if flags & _SETTLING or flow.offer is not None:
            self._segment(flow, seq, ack, flags, length, outward=outward)
        else:
            flow.move(seq, ack, flags, length, outward=outward)
        if flow.owner is not None:
            self._change(flow)

    def _learn_way(self, ends: bytes) -> tuple[VolumeFlow, bool] | None:
        """What ``_way`` says, remembered for both directions where it is so as long as the flow is kept."""
        source, destination = endpoints_of(ends)
        way = self._way(_TCP, source, destination)
        if way is not None and (source.ip in self.armed) != (destination.ip in self.armed):
            if len(self._ways) >= self._most_ways:
                self._ways.clear()
            flow, outward = way
            self._ways[ends] = way
            self._ways[opposite(ends)] = flow, not outward
        return way

    def feed_datagram(self, ends: bytes, first: int, length: int, time_ns: int, interface: str | None) -> None:
        """As ``feed``, a datagram between *ends* with a payload of *length* bytes, of which *first* is the first."""
        if self.datagrams:
            source, destination = endpoints_of(ends)
            payload = memoryview(bytes((first,))) if length else _NOTHING
            self.feed_header(Packet(time_ns, _UDP, source, destination, payload, length, 0, 0, interface))

    def feed_header(self, packet: Packet) -> None:
        """Take one packet; only its headers are looked at."""
        transport, source, destination = packet.transport, packet.source, packet.destination
        way = self._way(transport, source, destination)
        if way is None:
            return
        flow, outward = way
        flow.last_ns = packet.time_ns
        if transport is _TCP:
            length = packet.wire_payload_length
            self._segment(flow, packet.seq, packet.ack, packet.flags, length, outward=outward)
        else:
            flow.datagram(packet, outward=outward)
        if flow.owner is not None:
            self._change(flow)

    def _way(self, transport: Transport, source: Endpoint, destination: Endpoint) -> tuple[VolumeFlow, bool] | None:
        """The flow of a packet, and whether it is its client's."""
        outward = destination.ip in self.armed
        if source.ip not in self.armed:
            if not outward:
                return None
        elif outward:  # both ends may be servers
            outward = self._flows.get(FlowKey(transport, destination, source)) is None
        key = _new(FlowKey, (transport, source, destination) if outward else (transport, destination, source))
        flow = self._find(key)
        return None if flow is None else (flow, outward)

    def _find(self, key: FlowKey) -> VolumeFlow | None:
        flow = self._flows.get(key)
        if flow is not None:
            self._flows.touch(key)
            self._peers.touch(key.destination.ip)
            return flow
        if key.destination.port == _DNS:
            return None
        flow = self._pending.get(key)
        if flow is None:
            flow = VolumeFlow(key)
            flow.table = self._pending
            if evicted := self._pending.put(key, flow):
                evicted.table = None
        else:
            self._pending.touch(key)
        return flow

    def _segment(self, flow: VolumeFlow, seq: int, ack: int, flags: int, length: int, *, outward: bool) -> None:
        if flags & _RST:
            flow.ended = True  # its numbers may be anything: RFC 9293 section 3.10.7.1
            return
        if flags & _SYN:
            flow.open(seq, ack, flags, outward=outward)
            return
        if outward and flow.offer == (ack, seq):
            self._accept(flow)
        flow.move(seq, ack, flags, length, outward=outward)
        if flags & _FIN:
            (flow.count_out if outward else flow.count_in).ended((seq + length) & 0xFFFFFFFF)
            flow.ended = True

    def _accept(self, flow: VolumeFlow) -> None:
        """The client takes a server's offer to begin. Between ends that were known it is another connection."""
        if flow.offer is None:
            return
        first_in, first_out = flow.offer
        if not (flow.count_in.is_begun_at(first_in) and flow.count_out.is_begun_at(first_out)):
            self._say(flow)
            flow.restart()
            if flow.ended:
                flow.owner, flow.ended = None, False  # perhaps of another service, which its hello will say
            flow.count_in.begin(first_in)
            flow.count_out.begin(first_out)
        flow.offer = None

    def _say(self, flow: VolumeFlow) -> None:
        """Put what a flow moved since the last time with what is to be told."""
        self._changed -= flow.changed
        flow.changed = False
        volume = flow.take()
        if volume is not None:
            self.give_back([volume])

    def to_ask(self, most: int) -> list[FlowKey]:
        """Flows that the host's connection tracking may know better, those first that were asked for longest ago."""
        udp = ((key, flow.datagrams.tallied) for key, flow in self._flows.oldest_first() if flow.datagrams is not None)
        wanted = sorted((each for each in udp if each[1].wanted), key=lambda each: each[1].asked)[:most]
        self._round += 1
        for _, tallied in wanted:
            tallied.asked = self._round
        return [key for key, _ in wanted]

    def tally(self, key: FlowKey, tally: Tally | None) -> None:
        """What connection tracking says of a flow that was to be asked for; None: nothing."""
        flow = self._flows.get(key)
        if flow is not None and flow.datagrams is not None:
            flow.datagrams.tallied.take(tally, (flow.count_out.count, flow.count_in.count))
            self._change(flow)

    def take(self) -> list[Volume]:
        """What every client and service moved since the last call."""
        for flow in self._changed_ones():
            self._say(flow)
        said, self._said = list(self._said.values()), {}
        return said

    def _changed_ones(self) -> list[VolumeFlow]:
        """The flows that have something to tell, oldest first; nearly always the youngest, for packets change them."""
        found: list[VolumeFlow] = []
        for flow in self._flows.youngest_first():
            if len(found) == self._changed:
                break
            if flow.changed:
                found.append(flow)
        return found[::-1]

    def give_back(self, untold: Iterable[Volume]) -> None:
        """Add to what the next ``take`` gives: what could not be told."""
        for volume in untold:
            key = (volume.client, volume.signature)
            newer = self._said.get(key)
            self._said[key] = volume if newer is None else sum_of(newer, volume)

    def expire(self, time_ns: int) -> None:
        """Forget what has been quiet for long; cheap when nothing has."""
        if abs(time_ns - self._looked_ns) < _LOOK_NS:
            return
        self._looked_ns = time_ns
        for flow in unused_since(self._flows, time_ns - _ENDED_NS):
            if flow.ended or time_ns - flow.last_ns > _IDLE_NS[flow.key.transport]:
                self._say(flow)
                self._flows.pop(flow.key)
                flow.table = None
        for flow in unused_since(self._pending, time_ns - _PENDING_NS):
            self._pending.pop(flow.key)
            flow.table = None
        if self.active:
            self._disarm(time_ns)

    def _disarm(self, time_ns: int) -> None:
        """Forget addresses that no flow leads to."""
        past = [address for address, until_ns in self._peers.oldest_first() if until_ns < time_ns]
        alive = {key.destination.ip for key, _ in self._flows.oldest_first()} if past else set()
        gone = [address for address in past if address not in alive]
        for address in gone:
            self._peers.pop(address)
            self._ways.clear()
            self.generation += 1
        self.active = len(self._peers) > 0

    def rebase(self, time_ns: int) -> None:
        """Time was set back: nothing was last seen later than now."""
        set_back(self._flows, time_ns)
        set_back(self._pending, time_ns)
        for address in [address for address, _ in self._peers.oldest_first()]:
            self._peers.put(address, time_ns + _ARMED_NS)
