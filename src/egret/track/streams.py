"""TCP connections: the first bytes of each client, put together until they say a name.

Who is the client: whoever sent the SYN, or was sent the SYN and ACK; without either, whoever sends a
hello or a request; failing that, the end with the higher port. A connection is said once, as soon as
it is settled; after that its packets cost one look-up. A second copy of a packet (another interface,
a retransmission) finds its bytes there already, so that it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from egret.decode.http import begins_head
from egret.decode.http_stream import Sieve
from egret.decode.packet import Packet
from egret.decode.tls import begins_whole_hello
from egret.errors import Reason
from egret.model import Anomaly, Event, Nameless, Protocol, Recognition
from egret.track.direction import key_of
from egret.track.flow import Flow, likely_ends, opens_another, other_key, why_nameless
from egret.track.heard import Heard
from egret.track.hellos import HELLO_START
from egret.track.known_streams import KnownStreams
from egret.track.late import LATE_START, REQUEST_START, begins_hello
from egret.track.middle import ENOUGH, MOST_KEPT, is_middle
from egret.track.recognise import Recognised, is_server, recognise, recognise_anywhere
from egret.track.requests import STEP, Start
from egret.track.young import DNS, SERVER_SIDE

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
_SETTLING = FIN | SYN | RST
_LINK_LOCAL = frozenset({5353, 5355})  # mDNS and LLMNR over TCP: not outbound names (RFC 6762, RFC 4795)
_MAX_LAYERS = 6  # proxies may be chained, but a stream of nothing else must not go on for ever


class Streams(KnownStreams):
    """Every TCP connection that is watched."""

    def feed(self, packet: Packet) -> list[Event]:
        """Take one segment; what it settled."""
        flags = packet.flags
        if not (packet.payload or flags & _SETTLING):
            return []
        key = key_of(packet.source, packet.destination)
        decided = self.decided.get(key)
        if decided is not None:
            if not opens_another(packet, decided):
                return self._later(key, decided, packet) if packet.payload else []
            self._forget(key, packet)
        flow = self._flows.get(key)
        if flow is not None:
            return self._from_client(flow, packet)
        return self._from_other(key, packet)

    def _from_other(self, key: int, packet: Packet) -> list[Event]:
        """A segment of a direction that no flow is awaited from: a server's, or a new flow's."""
        reverse = key_of(packet.destination, packet.source)
        other = self._flows.get(reverse)
        flags = packet.flags
        if flags & SYN:
            if flags & ACK:
                return self._accepted(other, reverse, packet)
            return self._open(key, packet)
        if other is not None and other.oriented:
            return self._from_server(other, packet)
        if not packet.payload:
            return [] if other is None or not flags & RST else self._close(other, packet)
        return self._open(key, packet)

    def _open(self, key: int, packet: Packet) -> list[Event]:
        flow = Flow(key, packet.source, packet.destination, packet.interface, self._limits.flow_bytes)
        flow.last_ns = packet.time_ns
        if not packet.flags & SYN:
            flow.answered = True
        events = self._admit(flow)
        return events + self._from_client(flow, packet)

    def _admit(self, flow: Flow) -> list[Event]:
        self._await_all(flow.key)
        evicted = self._flows.put(flow.key, flow)
        events = [] if evicted is None else self._finish(evicted, evicted.last_ns, Nameless.EVICTED)
        return events + self._bound()

    def _bound(self) -> list[Event]:
        """Let the oldest go while all take more memory than they may."""
        events: list[Event] = []
        while (oldest := self._flows.overdrawn()) is not None:
            events += self._finish(oldest, oldest.last_ns, Nameless.EVICTED)
        return events

    def _accepted(self, flow: Flow | None, key: int, packet: Packet) -> list[Event]:
        """A SYN and ACK: its receiver is the client."""
        events: list[Event] = []
        if flow is None:
            if self.decided.get(key) is not None:
                return []
            flow = Flow(key, packet.destination, packet.source, packet.interface, self._limits.flow_bytes)
            flow.last_ns = packet.time_ns
            events = self._admit(flow)
        flow.oriented = True
        flow.answered = True
        return events

    def _from_server(self, flow: Flow, packet: Packet) -> list[Event]:
        """A server's bytes say nothing here, unless it is TLS's client; its reset ends a connection, or refuses one."""
        if packet.flags & RST:
            return self._close(flow, packet)
        flow.answered = True
        if flow.spoke or not packet.payload or not begins_hello(packet.payload):
            return []
        self._flows.drop(flow)  # who was connected to says the hello, as in FTP's active mode: it is the client
        return self._open(key_of(packet.source, packet.destination), packet)

    def _close(self, flow: Flow, packet: Packet) -> list[Event]:
        """A reset. Segments that are still on their way get their time; without any, it is settled."""
        return [] if flow.spoke else self._finish(flow, packet.time_ns)

    def _from_client(self, flow: Flow, packet: Packet) -> list[Event]:
        seq = packet.seq
        if packet.flags & SYN:
            seq = (seq + 1) & 0xFFFFFFFF
            if flow.sure and flow.anchor != seq:
                events = self._finish(flow, packet.time_ns)
                self._forget(flow.key, packet)
                return events + self._open(flow.key, packet)
            flow.begin_at(seq)
            flow.oriented = True
        events = []
        if packet.payload:
            events = self._take(flow, seq, packet)
        if packet.flags & (FIN | RST) and self._flows.has(flow):
            events += self._ended(flow, seq, packet)
        return events

    def _ended(self, flow: Flow, seq: int, packet: Packet) -> list[Event]:
        """The client's last segment; those before it may still be on their way."""
        if packet.flags & RST:
            return self._close(flow, packet)
        end = flow.offset_of(seq + packet.wire_payload_length)
        if flow.sure and end == flow.start + flow.available():
            return self._finish(flow, packet.time_ns)
        return []

    def _take(self, flow: Flow, seq: int, packet: Packet) -> list[Event]:
        if not self._flows.has(flow):
            return []  # admitting it evicted its own other direction, which settled both
        flow.last_ns = packet.time_ns
        flow.answered = True
        self._flows.touch(flow.key)
        payload = packet.payload
        if not flow.sure and flow.assembly is None:
            if is_middle(payload, packet.wire_payload_length):
                flow.pass_over(seq)
                return self._passed(flow, packet.time_ns)
            flow.begin_unseen(seq)
        settled = self.hellos.at_once(flow, seq, packet)
        if settled is not None:
            return settled
        events: list[Event] = []
        for at in range(0, len(payload), STEP):
            kept = flow.add(seq + at, payload if len(payload) <= STEP else payload[at : at + STEP])
            if not kept and not at and not flow.is_near(seq):
                events += self._astray(flow, packet)
            if kept and not at and payload[0] in REQUEST_START:
                flow.look_for_request(seq, payload)
            if kept and (flow.available() >= flow.needed or flow.full):
                events += self._look(flow, packet.time_ns, final=flow.full)
            if not self._flows.has(flow):
                return events + self._rest(flow, packet._replace(seq=seq + at + STEP, payload=payload[at + STEP :]))
            self._flows.charge(flow)
        return events + self._bound()

    def _astray(self, flow: Flow, packet: Packet) -> list[Event]:
        """A segment with other numbers than the SYN's: a whole message in it is said, the stream goes on without."""
        if flow.sure and packet.payload[0] in LATE_START:
            said = recognise(bytes(packet.payload[: self._limits.flow_bytes]), final=True).said
            if said and said.name:
                return self._namer.observations(said, flow.ends, packet.time_ns)
        return self._passed(flow, packet.time_ns)

    def _passed(self, flow: Flow, time_ns: int) -> list[Event]:
        """One more segment with which nothing begins. After some of them nobody waits for the beginning any more."""
        flow.middle += 1
        other = self._flows.get(other_key(flow))
        if other is None or other.oriented or other.assembly is not None:
            return self._finish(flow, time_ns) if flow.middle >= ENOUGH else []
        if flow.middle + other.middle < ENOUGH:  # of both directions, if the other one has no more to show
            return []
        if not flow.oriented and flow.assembly is None and other.ends == likely_ends(flow):
            flow, other = other, flow  # where the client's stream began, as far as it was seen, is remembered
        self._flows.drop(other)
        return self._finish(flow, time_ns)

    def _rest(self, flow: Flow, packet: Packet) -> list[Event]:
        """What is left of a segment in whose middle its flow was decided."""
        decided = self.decided.get(flow.key)
        return self._later(flow.key, decided, packet) if packet.payload and decided is not None else []

    def _look(self, flow: Flow, time_ns: int, *, final: bool) -> list[Event]:
        """See whether the bytes in order settle it."""
        if flow.sieve is not None and not flow.sift():
            return self._unreadable(flow, Recognised(Recognition.YES, protocol=Protocol.HTTP), time_ns)
        data = flow.data()
        settled = self.hellos.settle(flow, data, flow.end_seq, time_ns) if data[:1] == HELLO_START else None
        if settled is not None:
            return settled
        if len(data) >= STEP and flow.sieve is None and begins_head(data):
            flow.sieve = Sieve()
            return self._look(flow, time_ns, final=final)
        found = recognise_anywhere(data, final=final)
        if found.recognition is Recognition.YES:
            return self._recognised(flow, found, time_ns)
        if not flow.oriented and is_server(data):
            return self._turn_round(flow)
        if (found.prelude or found.recognition is Recognition.NO) and flow.begin_anew():
            return self._look(flow, time_ns, final=final)
        if final or (found.recognition is Recognition.NO and (flow.sure or len(data) >= MOST_KEPT)):
            return self._finish(flow, time_ns)
        flow.prelude = found.prelude
        # Without a SYN the stream may begin lower than what was seen first: any new byte is worth a look.
        flow.needed = found.needed if flow.sure else 1
        return []

    def _recognised(self, flow: Flow, found: Recognised, time_ns: int) -> list[Event]:
        """It is a protocol that we read: say its name, or why there is none."""
        if found.header:
            return self._go_on(flow, found.header, time_ns)
        if found.protocol is Protocol.DNS and found.said is None:
            return self._hand_to_dns(flow, time_ns)
        flow.oriented = True
        said = found.said
        if said is None:
            return self._unreadable(flow, found, time_ns)
        events = self._namer.observations(said, flow.ends, time_ns)
        go_on = bool(said.consumed) and flow.layers < _MAX_LAYERS
        if not flow.said and (said.name is not None or not go_on):  # a tunnel to an address: a hello in it names it
            events.append(self._namer.connection(said, flow.ends, time_ns))
            flow.said = True
        if go_on:
            return events + self._go_on(flow, said.consumed, time_ns)
        if said.protocol is Protocol.HTTP:
            start = Start(flow.next_seq, said.names, flow.sieve, young=flow.origin is None)
            self._requests.begin(flow.key, flow.ends, start, flow.pieces())
        elif said.protocol is Protocol.TLS:
            if 0 < found.size < flow.available() and begins_whole_hello(flow.data()[found.size :]):
                return events + self._go_on(flow, found.size, time_ns)
            self._late.expect(flow.key, behind=flow.end_seq)
        self._flows.decide(flow)
        return events + self._requests.read(flow.key, time_ns) if said.protocol is Protocol.HTTP else events

    def _go_on(self, flow: Flow, size: int, time_ns: int) -> list[Event]:
        """A header or a tunnel's request was read: what it leads is read as if it were the first."""
        flow.layers += 1
        if flow.layers > _MAX_LAYERS:
            return self._give_up(flow, time_ns)
        flow.go_on_behind(size - flow.sifted)
        flow.sieve = None
        return self._look(flow, time_ns, final=flow.full) if flow.available() else []

    def _hand_to_dns(self, flow: Flow, time_ns: int) -> list[Event]:
        """DNS on another port, whichever end this is: its messages say who asked."""
        ends = flow.ends
        if _LINK_LOCAL & {ends.client.port, ends.server.port}:
            return self._give_up(flow, time_ns)
        heard = Heard(time_ns, ends.transport, ends.client, ends.server, ends.interface)
        events = self._dns.adopt(heard, flow.next_seq, flow.pieces())
        self._flows.decide(flow)
        self._await_all(flow.key, other_key(flow))
        self.decided.put(flow.key, DNS)
        self.decided.put(other_key(flow), DNS)
        return events

    def _unreadable(self, flow: Flow, found: Recognised, time_ns: int) -> list[Event]:
        reason = found.reason or Reason.BAD_VALUE
        protocol = found.protocol or Protocol.TLS
        events: list[Event] = [Anomaly(time_ns, protocol.value, reason, flow.ends.flow, flow.ends.interface)]
        if not flow.said:
            why = Nameless.INCOMPLETE if reason is Reason.TRUNCATED else Nameless.UNREADABLE
            events.append(self._namer.nameless(why, flow.ends, time_ns, protocol))
        self._flows.decide(flow)
        return events

    def _turn_round(self, flow: Flow) -> list[Event]:
        """What was taken for a client is a server: its other end is the client."""
        self._flows.drop(flow)
        key = other_key(flow)
        client = self._flows.get(key)
        events: list[Event] = []
        if client is None:
            ends = flow.ends
            client = Flow(key, ends.server, ends.client, ends.interface, self._limits.flow_bytes)
            client.last_ns = flow.last_ns
            events = self._admit(client)
        client.oriented = True
        client.answered = True
        return events

    def _finish(self, flow: Flow, time_ns: int, reason: Nameless | None = None) -> list[Event]:
        """Nothing more will come: use what is there."""
        flow.use_all_weak()
        first = flow.first
        for start, data in flow.runs():
            if flow.sure and start != first:  # bytes never came: what begins behind them must be plain
                found = recognise(data, final=True)
                if found.said is None:
                    continue
            else:
                found = recognise_anywhere(data, final=True)
            if start != first and found.said is not None:
                flow.go_on_behind(start - first)
            if found.recognition is Recognition.YES and (found.said is not None or found.header or reason is None):
                events = self._recognised(flow, found, time_ns)
                return events if flow.settled else events + self._finish(flow, time_ns, reason)
        if not flow.oriented and self._flows.get(other_key(flow)) is not None:
            self._flows.drop(flow)  # the other direction may still turn out to be the client's
            self.decided.put(flow.key, SERVER_SIDE)
            return []
        return self._give_up(flow, time_ns, reason)

    def _give_up(self, flow: Flow, time_ns: int, reason: Nameless | None = None) -> list[Event]:
        """None of what we read. A hello may still come, behind a prelude that nobody knows."""
        self._flows.decide(flow)
        if flow.spoke:
            self._late.expect(flow.key)
            if not flow.oriented:
                self._late.expect(other_key(flow))
        if flow.said or not flow.answered:
            return []
        return [self._namer.nameless(reason or why_nameless(flow), likely_ends(flow), time_ns)]

    def _later(self, key: int, decided: int, packet: Packet) -> list[Event]:
        """A segment of a decided connection: few of them can still hold a name."""
        if decided == DNS:
            return self._dns.feed_adopted(packet)
        flow = self._flows.get(key)
        if flow is not None:
            return self._take(flow, packet.seq, packet)
        if packet.payload[0] in LATE_START and (
            self._late.begins(key, packet)
            or (begins_hello(packet.payload) and self._requests.may_leave(key, packet.seq))
        ):
            return self._open_late(key, decided, packet)
        if decided == SERVER_SIDE:
            return self._httpdns.feed(packet) if len(self._httpdns) else []
        return self._requests.feed(key, packet)

    def _open_late(self, key: int, decided: int, packet: Packet) -> list[Event]:
        self._late.forget(key)
        flow = Flow(key, packet.source, packet.destination, packet.interface, self._limits.flow_bytes)
        flow.begin_at(packet.seq)
        for seq, data in self._requests.forget(key):
            flow.add(seq, memoryview(data))
        flow.origin = decided
        flow.oriented = flow.said = True
        return self._admit(flow) + self._take(flow, packet.seq, packet)

    def expire(self, time_ns: int) -> list[Event]:
        """Settle what has waited long enough at *time_ns*."""
        events: list[Event] = []
        for flow, silent in self._flows.due(time_ns):
            if not flow.spoke:
                events += self._silent(flow)
            else:
                events += self._settle(flow) if silent or not flow.patient else self._still_talking(flow)
        return events + self._requests.expire(time_ns)

    def _still_talking(self, flow: Flow) -> list[Event]:
        """A dialogue before STARTTLS, perhaps. It is said, and its hello is still awaited."""
        flow.said = True
        return [self._namer.nameless(Nameless.NOT_RECOGNISED, likely_ends(flow), flow.last_ns)]

    def _silent(self, flow: Flow) -> list[Event]:
        """A connection without a byte so far. It is said, and still awaited: browsers open them to spare."""
        if flow.said:
            return []
        if not flow.answered:
            self._flows.drop(flow)
            return []
        flow.said = True
        return [self._namer.nameless(Nameless.NO_PAYLOAD, flow.ends, flow.last_ns)]

    def last_words(self) -> Iterator[Event]:
        """The end of the input: settle everything, one after the other."""
        flows = self._flows.all()
        flows.reverse()
        while flows:
            yield from self._settle(flows.pop())
        yield from self._requests.flush()

    def _settle(self, flow: Flow) -> list[Event]:
        return self._finish(flow, flow.last_ns) if self._flows.has(flow) else []
