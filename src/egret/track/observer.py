"""Frames in, events out: the one entrance to everything that decodes and remembers.

What counts as a Connection: a TCP connection that both ends took part in (or of which payload was
seen), a QUIC connection whose client Initial could be opened, and a DTLS connection of whose hello
something was seen; each is said exactly once. DNS (on port 53, and over UDP on any port) is said as
observations only. Other UDP flows are not counted: nothing tells a datagram's client from its server,
or one exchange from the next.

Sans-I/O: no clock but the frames' own times, which may go backwards. Never raises on any input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from egret.decode import dns, dtls, gquic
from egret.decode.packet import Beside, Packet, decode_packet
from egret.decode.quic import MIN_CLIENT_DATAGRAM
from egret.decode.quic_keys import KNOWN_VERSIONS
from egret.errors import DecodeError, Reason
from egret.model import Anomaly, Event, FlowKey, Frame, Observation, Transport
from egret.track.answers import Answers, Learnt
from egret.track.direction import endpoints_of
from egret.track.dns_streams import DNS_PORT, DnsStreams
from egret.track.dtls import DtlsFlows
from egret.track.ech import EchLookups
from egret.track.fragments import Reassembler
from egret.track.heard import Heard
from egret.track.held import HeldBack
from egret.track.httpdns import HttpDns
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.track.lookups import Lookups
from egret.track.naming import Namer
from egret.track.quic import QuicFlows
from egret.track.streams import Streams
from egret.track.volume import Volumes
from egret.value import replace

LOCAL_DISCOVERY = frozenset({137, 5353, 5355})  # NetBIOS, mDNS and LLMNR stay on the link: not outbound names
_TICK_NS = SECOND_NS
STEP_BACK_NS = 60 * SECOND_NS  # less is disorder between interfaces or queues
_DTLS_FIRST = frozenset({0x16, 0x01})  # a handshake record, bare or behind the preamble of CAPWAP
_QUIC_LONG = 0xC0
_QUIC_MIN = 7  # first byte, version, two lengths
_UDP = Transport.UDP  # an enum's attribute costs a look-up each time
_new = tuple.__new__


class Observer:
    """Turns frames into observations, connections and anomalies.

    Give it every frame in capture order; call ``expire`` when no frames come, ``flush`` at the end.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        flagged: Callable[[str], bool] | None = None,
        measured: Callable[[str], bool] | None = None,
    ) -> None:
        limits = limits or Limits()
        self._counters = Counters()
        self._measured = measured
        self.volumes = Volumes(limits, self._counters.evictions)
        self.newest: Packet | None = None  # the packet whose events ``feed`` gave; None if it was none
        self._answers = Answers(limits, self._counters.evictions, flagged, self._heed)
        self._ech = EchLookups(limits, self._counters.evictions)
        namer = Namer(self._answers, self._ech)
        self._lookups = Lookups(limits, self._answers, self._counters, self._ech)
        self._httpdns = HttpDns(limits, self._answers, self._counters)
        self._dns = DnsStreams(limits, self._lookups, self._counters)
        self._streams = Streams(limits, namer, self._counters, self._dns, self._httpdns)
        self.held = HeldBack(self._streams)
        self._quic = QuicFlows(limits, namer, self._counters)
        self._dtls = DtlsFlows(limits, namer, self._counters)
        self._fragments = Reassembler()
        self._reassemble = self._fragments.add
        self._beside: list[Beside] = []  # what the frame at hand has besides its packet
        self._ticked_ns = 0

    def feed(self, frame: Frame) -> list[Event]:
        """Take one frame; the events that it caused, in order."""
        late = self.tick(frame.time_ns)
        events = self.take(frame)
        return late + events if late else events

    def take(self, frame: Frame) -> list[Event]:
        """As ``feed``, where ``tick`` was called for it before."""
        counters = self._counters
        counters.frames += 1
        counters.bytes += frame.wire_length
        try:
            packet = decode_packet(frame, self._reassemble, self._beside)
        except DecodeError as error:
            return [self._anomaly(frame, error.reason)]
        if packet is None:
            events = []
        else:
            events = self.feed_packet(packet)
            if events:
                self.newest = packet
        if self._beside:
            events += self._feed_beside(frame)
        return events

    def hear(self, frame: Frame, wire: bytes, ends: bytes) -> list[Event]:
        """As ``take``, a frame of which is known that it is a datagram between *ends* with the DNS message *wire*.

        It is the first of its kind (``Lookups.copies``), and nobody counts its bytes.
        """
        counters, self.newest = self._counters, None
        counters.frames += 1
        counters.bytes += frame.wire_length
        counters.packets[_UDP] += 1
        source, destination = endpoints_of(ends)
        heard = _new(Heard, (frame.time_ns, _UDP, source, destination, frame.interface))
        return self._lookups.read(wire, heard)

    def feed_packet(self, packet: Packet) -> list[Event]:
        """Take one packet that was found already; the events that it caused."""
        if self.volumes.active:
            self.volumes.feed(packet)
        return self._packet(packet)

    def _feed_beside(self, frame: Frame) -> list[Event]:
        """What an aggregate, a report or an error message has besides its first packet."""
        beside, self._beside, self.newest = self._beside, [], None
        events: list[Event] = []
        for packet, error, quoted in beside:
            if error is not None:
                events.append(self._anomaly(frame, error.reason))
            elif packet is not None:
                events += _said_in_quote(packet) if quoted else self.feed_packet(packet)
        return events

    def _heed(self, name: str, addresses: Iterable[bytes], time_ns: int) -> None:
        """A flagged name has these addresses: whoever goes there is counted from the first packet."""
        if self._measured is not None and self._measured(name):
            for address in addresses:
                self.volumes.arm(address, time_ns)

    def restore(self, learnt: Iterable[Learnt], time_ns: int) -> None:
        """Take flagged names of addresses that an earlier process learnt."""
        known = list(learnt)
        self.answers.restore(known)
        for each in known:
            self._heed(each.name, (each.address,), time_ns)

    def began_at(self, flow: FlowKey) -> int | None:
        """Where the stream of a TCP connection's client began, as far as is known; *flow* is from the client."""
        return self._streams.began_at(flow.source, flow.destination) if flow.transport is Transport.TCP else None

    def _packet(self, packet: Packet) -> list[Event]:
        transport = packet.transport
        self._counters.packets[transport] += 1
        if transport is _UDP:
            return self._datagram(packet)
        if DNS_PORT in (packet.source.port, packet.destination.port):
            events = self._dns.feed(packet)
            if events is not None:
                return events
            return [event for one in (packet, *self._dns.released()) for event in self.held.feed(one)]
        return self.held.feed(packet)

    def _datagram(self, packet: Packet) -> list[Event]:
        payload = packet.payload
        source, destination = packet.source.port, packet.destination.port
        if DNS_PORT in (source, destination) and not is_hello(payload):
            return self._lookup(packet)
        if len(payload) < _QUIC_MIN or source in LOCAL_DISCOVERY or destination in LOCAL_DISCOVERY:
            return []
        # One question is what every look-up has; the two bytes spare all other datagrams a closer look.
        if payload[4] == 0 and payload[5] == 1 and dns.looks_like_dns(payload):
            return self._lookup(packet)
        if payload[0] & 0x80:
            return self._quic.feed(packet)
        start = dtls.hello_start(payload) if payload[0] in _DTLS_FIRST else None
        if start is not None:
            return self._dtls.feed(packet, start)
        clear = payload[0] & 0x09 == 0x09 and gquic.begins_clear(payload)
        return self._quic.feed_clear(packet) if clear else []

    def _lookup(self, packet: Packet) -> list[Event]:
        payload = packet.payload
        heard = _new(Heard, (packet.time_ns, _UDP, packet.source, packet.destination, packet.interface))
        return self._lookups.feed(bytes(payload), heard, cut=len(payload) < packet.wire_payload_length)

    @staticmethod
    def _anomaly(frame: Frame, reason: Reason) -> Anomaly:
        layer = "link" if reason is Reason.UNKNOWN_LINKTYPE else "ip"
        return Anomaly(frame.time_ns, layer, reason, None, frame.interface)

    def is_due(self, time_ns: int) -> bool:
        """Whether ``tick`` would do anything."""
        return not self._ticked_ns - _TICK_NS < time_ns < self._ticked_ns + _TICK_NS

    def tick(self, time_ns: int) -> list[Event]:
        """Look about, once a second of packet time: at what has waited long enough. For a frame before it is fed.

        A step far back starts the waiting anew, so that nothing waits for ever.
        """
        if not self.is_due(time_ns):
            return []
        before = self._ticked_ns
        self._ticked_ns = time_ns - time_ns % _TICK_NS  # at whole seconds: the time of a frame tells by that part alone
        if time_ns >= before:
            return self.expire(time_ns)
        events = self.held.give_back()
        if before - time_ns > STEP_BACK_NS:
            self._streams.rebase(time_ns)
            self._dns.rebase(time_ns)
            self._httpdns.rebase(time_ns)
            self._quic.rebase(time_ns)
            self._dtls.rebase(time_ns)
            self.volumes.rebase(time_ns)
        return events

    def expire(self, time_ns: int) -> list[Event]:
        """Settle what has waited long enough at *time_ns*; cheap when nothing has."""
        self.newest = None
        self.volumes.expire(time_ns)
        events = self._fragments_given_up(time_ns)
        events += self.held.expire(time_ns)
        events += self._dns.expire(time_ns)
        events += self._httpdns.expire(time_ns)
        events += self._quic.expire(time_ns)
        events += self._dtls.expire(time_ns)
        return events

    def _fragments_given_up(self, time_ns: int) -> list[Event]:
        events: list[Event] = [event for packet in self._fragments.expire(time_ns) for event in self._packet(packet)]
        events += self._fragments.take_anomalies()
        return events

    def flush(self) -> list[Event]:
        """The end of the input: settle every open connection with what is there."""
        return list(self.last_words())

    def last_words(self) -> Iterator[Event]:
        """As ``flush``, one after the other: what is settled is let go before the next is looked at."""
        self.newest = None
        for packet in self._fragments.last_words():
            yield from self._packet(packet)
        yield from self._fragments.take_anomalies()
        yield from self.held.last_words()
        yield from self._dns.last_words()
        yield from self._httpdns.flush()
        yield from self._quic.last_words()
        yield from self._dtls.last_words()

    def judge_ech(self, outer: str, config_id: int, client: bytes, server: bytes, time_ns: int) -> str:
        """Whether a hello's ECH is real, GREASE or unknown."""
        return str(self._ech.judge(outer, config_id, client, server, time_ns)["ech"])

    @property
    def streams(self) -> Streams:
        """What follows TCP."""
        return self._streams

    @property
    def dns(self) -> DnsStreams:
        """What follows DNS over TCP."""
        return self._dns

    @property
    def fragments(self) -> Reassembler:
        """What puts fragments together."""
        return self._fragments

    @property
    def quic(self) -> QuicFlows:
        """What follows QUIC."""
        return self._quic

    @property
    def lookups(self) -> Lookups:
        """What reads DNS."""
        return self._lookups

    @property
    def ticked_ns(self) -> int:
        """The whole second of the last ``tick``: within one of it, both left out, there is no other."""
        return self._ticked_ns

    @property
    def counted(self) -> Counters:
        """The counters as they are kept, without ``tracked``."""
        return self._counters

    @property
    def answers(self) -> Answers:
        """The names of addresses, learnt from answers."""
        return self._answers

    @property
    def counters(self) -> Counters:
        """What was seen so far, with ``tracked`` as of now."""
        counters = self._counters
        self._lookups.deferred.count()
        counters.evictions["fragments"] = self._fragments.evictions
        counters.tracked = {
            **self._streams.tracked(),
            **self._dns.tracked(),
            "httpdns": len(self._httpdns),
            **self._quic.tracked(),
            **self._dtls.tracked(),
            **self.volumes.tracked(),
            "answers": len(self._answers) + len(self._lookups.deferred),
            "ech_names": len(self._ech),
        }
        return counters


def _said_in_quote(packet: Packet) -> list[Event]:
    """The names in a packet that an ICMP error quotes. Anybody can make one up: it teaches nothing."""
    aside = Observer()
    events = aside.feed_packet(packet) + aside.flush()
    return [
        replace(event, attributes={**event.attributes, "quoted": True})
        for event in events
        if isinstance(event, Observation)
    ]


def is_hello(payload: memoryview) -> bool:
    """Whether a datagram on port 53 is a client's QUIC or DTLS: no question has such flags or such a size."""
    size = len(payload)
    if size >= MIN_CLIENT_DATAGRAM and payload[0] >= _QUIC_LONG:
        return int.from_bytes(payload[1:5], "big") in KNOWN_VERSIONS
    return size > 1 and payload[0] == 0x16 and payload[1] == 0xFE and dtls.hello_start(payload) is not None
