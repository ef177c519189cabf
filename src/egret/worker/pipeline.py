"""Frames in, hits out: observe, count, match. Replay and the live worker run this same code."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple
from typing import Protocol as Interface

from egret.catalog.match import Catalog
from egret.catalog.resolvers import Resolvers
from egret.decode.plain_lookup import Told
from egret.evidence import Proof
from egret.judge.relays import Relays
from egret.judge.unnamed import UNNAMED
from egret.model import (
    Anomaly,
    Connection,
    Event,
    FlowKey,
    Frame,
    Kind,
    Match,
    NamedBy,
    Nameless,
    Observation,
    Protocol,
    Role,
    ServiceClass,
    Transport,
    Volume,
)
from egret.track.heard import Overheard, heard_at
from egret.track.limits import Limits
from egret.track.lookups import say
from egret.track.observer import Observer
from egret.track.partial import PartialObserver
from egret.track.share import Share
from egret.value import replace
from egret.worker import engine
from egret.worker.gate import Gate
from egret.worker.greetings import Greetings
from egret.worker.holding import hold_young
from egret.worker.pairs import pair_up
from egret.worker.scope import Scope

RECENT_LOOKUPS = 16_384  # (client, signature) pairs; only to keep an answer from repeating its question
LOOKUP_WINDOW_NS = 30 * 1_000_000_000  # a resolver that takes longer has timed out on every client
ENCRYPTED_DNS_PORTS = frozenset({443, 853})  # DoH; DoT and DoQ (RFC 7858 section 3.1, RFC 9250 section 4.1.1)
MEASURED = frozenset(ServiceClass) - {ServiceClass.BROAD}
TRANSPORTS = {  # of what names a connection; a look-up names none
    Protocol.TLS: Transport.TCP,
    Protocol.HTTP: Transport.TCP,
    Protocol.SOCKS: Transport.TCP,
    Protocol.QUIC: Transport.UDP,
    Protocol.DTLS: Transport.UDP,
}
CHAIN_CLASSES = frozenset({ServiceClass.AI, ServiceClass.EMBEDDED})
_QUERY, _ANSWER, _CNAME = Kind.QUERY, Kind.ANSWER, Kind.CNAME  # an enum's attribute costs a look-up each time
_new = tuple.__new__
# takes who was seen to speak for others (packed address, as what, when), and what is flagged behind that
Take = Callable[[Sequence[tuple[bytes, Role, int]], Sequence["Hit"]], object]


class Hit(NamedTuple):
    """An event that the catalogue names, not yet judged."""

    event: Observation | Connection
    match: Match
    proof: Proof | None = None  # what of the message may be kept, where somebody asked for it


class PrcNetworks(Interface):
    """What tells a PRC-hosted address from others; the judge is one."""

    def prc_network(self, ip: bytes) -> tuple[str, str] | None:
        """Country code and network class of *ip*, None where it is not hosted in the PRC."""
        ...

    def unnamed(self, ip: bytes) -> Match | None:
        """What a connection to *ip* is that nothing named, None where its network says nothing."""
        ...


class Pipeline:
    """One pass from frames to hits; counts everything, keeps nothing about what matches nothing."""

    def __init__(
        self,
        catalog: Catalog,
        prc: PrcNetworks | None = None,
        scope: Scope | None = None,
        observer: Observer | None = None,
        resolvers: Resolvers | None = None,
        measured: Collection[ServiceClass] = MEASURED,
        limits: Limits | None = None,
        share: Share | None = None,
    ) -> None:
        self.catalog = catalog
        self.proves = True  # hits may carry the message that says so (``Worker``)
        self._measured = frozenset(measured)  # classes of services whose bytes are counted
        self.observer = observer or (Observer if share is None else partial(PartialObserver, share))(
            engine.with_memory(limits or Limits()),
            flagged=self._is_named,
            measured=self._is_measured,
        )
        self.counts: Counter[tuple[str, ...]] = Counter()
        self._prc = prc
        self._scope = scope or Scope()
        self._resolvers = resolvers or Resolvers(())
        self.relays = Relays(self._is_inside)
        self._greetings = Greetings(
            self._is_known,
            self._is_special,
            self._is_inside,
            self.relays.watched,
            self.observer.judge_ech,
            self.counts,
            engine.plain_reader(),
        )
        self.observer.streams.hellos.take = self._greetings.take
        self.observer.quic.take_hello = self._greetings.take_quic
        self._greetings.connects_again = self.relays.connects_again
        quick = hold_young(self.observer, self._greetings)
        pair_up(self.observer, self._greetings)
        self._late: list[Hit] = []  # what the gate had the observer look for, and nobody took yet
        self.on_turn: Callable[[list[Hit]], object] | None = None  # has that at once, at every turn of a second
        self.gate = Gate(self.observer, self._is_named, self.relays.learns_from, quick, self._tick, self.counts, share)
        self._take_heard = self.gate.listen()
        self.relays.on_change = self.gate.forget_clients
        self._lookups: OrderedDict[tuple[bytes, str], int] = OrderedDict()

    def equip(
        self,
        catalog: Catalog,
        prc: PrcNetworks | None,
        scope: Scope,
        resolvers: Resolvers,
        measured: Collection[ServiceClass] = MEASURED,
    ) -> None:
        """Match with other knowledge from now on; flows, answers and counts go on."""
        self.catalog, self._prc, self._scope, self._resolvers = catalog, prc, scope, resolvers
        self._measured = frozenset(measured)
        self.gate.forget_names()
        self._greetings.forget()

    def feed(self, frame: Frame) -> list[Hit]:
        """Everything flagged that *frame* completes."""
        observer = self.observer
        if observer.is_due(frame.time_ns):
            self._tick(frame.time_ns)
        heard = self._take_heard()
        events = observer.take(frame) if heard is None else observer.hear(frame, *heard)
        hits = self.hits(events) if events else []
        return self._take_late() + hits if self._late else hits

    def hear_in_runs(self, take: Take) -> None:
        """Let flagged look-ups of a file come many at once, and *take* what they are hits for, before what follows."""
        self.gate.hear_in_runs(partial(self._hear_run, take))

    def _hear_run(self, take: Take, run: list[Overheard]) -> None:
        """As ``feed``, of many (tests/property/test_heard.py). Answers nobody is told of become no observations."""
        self.observer.newest, relays = None, self.relays
        found: list[Hit] = []
        for time_ns, wire, ends, told in run:
            size = (len(ends) - 4) // 2
            source, destination = ends[:size], ends[size:-4]
            if told[2] is None:
                hits = self._overheard(_QUERY, source, destination, time_ns, wire, ends, told)
            else:
                self._learn(destination, time_ns, wire, ends, told)
                hits = self._overheard(_ANSWER, destination, source, time_ns, wire, ends, told)
            if relays.fresh:  # of whom that was not known when they said what came before
                take((), found)
                take(relays.take_marks(), hits)
                found = []
            elif hits:
                found += hits
        if found:
            take((), found)

    def _learn(self, client: bytes, time_ns: int, wire: bytes, ends: bytes, told: Told) -> None:
        """Learn from an answer that was counted already."""
        lookups = self.observer.lookups
        if lookups.learn(told, client, time_ns) and self.proves:
            lookups.remember(client, told[2] or (), wire, heard_at(time_ns, ends))

    def _overheard(
        self, kind: Kind, client: bytes, server: bytes, time_ns: int, wire: bytes, ends: bytes, told: Told
    ) -> Sequence[Hit]:
        """What is flagged in a look-up that was counted already."""
        if not self._scope.is_client(client):
            return ()
        if not self.relays.overhear(client, server, answer=kind is _ANSWER):
            return self._told(say(told, wire, heard_at(time_ns, ends)))
        match = self.catalog.match_name(told[0])
        if match is None or not self._is_new_lookup(kind, client, match, time_ns):
            return ()
        observation = say(told, wire, heard_at(time_ns, ends))
        return () if self._is_echo(observation, match) else (_new(Hit, (observation, match, None)),)

    def _tick(self, time_ns: int) -> None:
        """Have the observer look about, before a frame of that time."""
        second_ns = self.observer.ticked_ns
        events = self.observer.tick(time_ns)
        if self.on_turn is not None and self.observer.ticked_ns != second_ns:
            self.on_turn(self.hits(events))
        elif events:
            self._late += self.hits(events)

    def _take_late(self) -> list[Hit]:
        late, self._late = self._late, []
        return late

    def _is_named(self, name: str) -> bool:
        return self.catalog.match_name(name) is not None

    def _is_known(self, name: str) -> bool:
        return self._is_named(name) or self._resolvers.by_name(name) is not None

    def _is_special(self, ip: bytes, port: int) -> bool:
        """Whether there is anything to say of a connection to a server whose name says nothing."""
        resolver = self._resolvers.by_address(ip) if port in ENCRYPTED_DNS_PORTS else None
        listed = resolver is not None or self.catalog.match_address(ip, port) is not None
        return listed or (self._prc is not None and self._prc.prc_network(ip) is not None)

    def expire(self, time_ns: int) -> list[Hit]:
        """Settle what has waited long enough at *time_ns*."""
        return self._take_late() + self.hits(self.observer.expire(time_ns))

    def flush(self) -> list[Hit]:
        """Settle everything: the input has ended."""
        return self._take_late() + self.hits(self.observer.last_words())

    def hits(self, events: Iterable[Event]) -> list[Hit]:
        """Count *events* and keep those that the catalogue names."""
        found: list[Hit] = []
        for event in events:
            self._count(event)
            if isinstance(event, Anomaly) or not self._scope.is_client(event.client.ip):
                continue
            if isinstance(event, Observation):
                found += self._told(event)
            else:
                self.relays.see(event)
                match = self._match_connection(event)
                if match is not None and not self._is_echo(event, match):
                    found.append(Hit(event, match))
        for hit in found:
            self._measure(hit)
        return found

    def _told(self, observation: Observation) -> Sequence[Hit]:
        """The hits of a name that one of our clients said, or was told."""
        attributes = observation.attributes
        if "quoted" in attributes or "in_request" in attributes:
            return ()  # nobody's traffic: anybody can send an error that quotes it; an update asks for nothing
        self.relays.see(observation)
        match = self._match_observation(observation)
        found = [] if match is None or self._is_echo(observation, match) else [_new(Hit, (observation, match, None))]
        return found + self._inner(observation) if "inner_name" in attributes else found

    def _is_inside(self, ip: bytes) -> bool:
        return self._scope.is_client(ip)  # the scope of now: it may be another after ``equip``

    def _is_measured(self, name: str) -> bool:
        match = self.catalog.match_name(name)
        return match is not None and match.signature.service_class in self._measured

    def _measure(self, hit: Hit) -> None:
        """Have the bytes of a hit's connection counted from now on."""
        event = hit.event
        named = TRANSPORTS.get(event.protocol) if isinstance(event, Observation) else event.transport
        if named is None or hit.match.signature.service_class not in self._measured:
            return
        observer, flow = self.observer, FlowKey(named, event.client, event.server)
        began = observer.began_at(flow)
        observer.volumes.flag(flow, hit.match.signature.id, observer.newest, began, event.time_ns)

    def take_volumes(self) -> list[Volume]:
        """What the connections of each client and service moved since the last call."""
        taken, known = self.observer.volumes.take(), self.catalog.get
        return [each for each in taken if each.signature in UNNAMED or known(each.signature) is not None]

    def _is_echo(self, event: Observation | Connection, match: Match) -> bool:
        """Whether the client only passes on what another asked it for, who has the incident."""
        echo = self.relays.is_echo(event, match.signature.id)
        if echo:
            self.counts["relayed",] += 1
        return echo

    def _inner(self, observation: Observation) -> list[Hit]:
        """The name behind an Encrypted Client Hello, which the client's own look-up gave; on the wire is another."""
        name = str(observation.attributes["inner_name"])
        match = self.catalog.match_name(name)
        if match is None:
            return []
        attributes = {**observation.attributes, "via": "ech-lookup"}
        return [Hit(replace(observation, name=name, attributes=attributes), match)]

    def take_counts(self) -> Mapping[tuple[str, ...], int]:
        """The counts since the last call; keys are ``(metric, label values...)``."""
        self.gate.settle()
        self._greetings.settle()
        counts = Counter(self.counts)
        self.counts.clear()
        return counts

    def _count(self, event: Event) -> None:
        if isinstance(event, Observation):
            self.counts["names", event.protocol, event.kind] += 1
            if "ech" in event.attributes:
                self._count_ech(event)
            elif "provider" in event.attributes and event.kind is Kind.QUERY:
                self.counts["httpdns", str(event.attributes["provider"])] += 1
        elif isinstance(event, Anomaly):
            self.counts["anomalies", event.protocol, event.reason] += 1
        elif self._scope.is_client(event.client.ip):
            self.counts["connections", event.transport, event.named_by] += 1
            if event.reason is not None:
                self.counts["nameless", event.reason] += 1
            self._count_resolver(event)

    def _count_ech(self, observation: Observation) -> None:
        if self._scope.is_client(observation.client.ip):
            found = str(observation.attributes["ech"])
            hidden = "real_named" if "inner_name" in observation.attributes else "real_hidden"
            self.counts["ech", hidden if found == "real" else found] += 1

    def _count_resolver(self, connection: Connection) -> None:
        """Encrypted look-ups, by the resolver's name, else its address and ports; run from the PRC or not."""
        match = self.catalog.match_name(connection.name) if connection.name else None
        if match is None and connection.server.port in ENCRYPTED_DNS_PORTS:
            match = self.catalog.match_address(connection.server.ip, connection.server.port)
        if match is not None and match.signature.service_class is ServiceClass.RESOLVER:
            self.counts["prc_resolver", match.signature.service] += 1
            return
        resolver = self._resolvers.by_name(connection.name) if connection.name else None
        if resolver is None and connection.server.port in ENCRYPTED_DNS_PORTS:
            resolver = self._resolvers.by_address(connection.server.ip)
        if resolver is not None:
            self.counts["encrypted_dns", resolver.operator] += 1

    def _match_observation(self, observation: Observation) -> Match | None:
        kind = observation.kind
        if kind is _CNAME:
            return None  # its owner is an answer's question, its target an answer's owner
        match = self.catalog.match_name(observation.name)
        if match is None or (kind is not _QUERY and kind is not _ANSWER):
            return match
        return match if self._is_new_lookup(kind, observation.client.ip, match, observation.time_ns) else None

    def _is_new_lookup(self, kind: Kind, client: bytes, match: Match, time_ns: int) -> bool:
        """A question counts always; an answer only where its question was not seen.

        An answer's owner may be the far end of a CNAME chain. That a shop is hosted on a PRC cloud says
        nothing about the client; that an alias leads to an AI service does.
        """
        key = (client, match.signature.id)
        lookups = self._lookups
        last_ns = lookups.get(key)
        lookups[key] = time_ns
        lookups.move_to_end(key)
        if len(lookups) > RECENT_LOOKUPS:
            lookups.popitem(last=False)
        if kind is _QUERY:
            return True
        if match.signature.service_class not in CHAIN_CLASSES:
            return False
        return last_ns is None or time_ns - last_ns > LOOKUP_WINDOW_NS

    def _match_connection(self, connection: Connection) -> Match | None:
        """A connection that a hello or a request named was matched when that was observed."""
        match = None
        if connection.name is not None:
            match = self.catalog.match_name(connection.name)
            if match is not None:
                return match if connection.named_by is NamedBy.ANSWER else None
        match = self.catalog.match_address(connection.server.ip, connection.server.port)
        if match is None and self._prc is not None:
            network = self._prc.prc_network(connection.server.ip)
            if network is not None:
                self.counts["prc_hosted", *network] += 1
            if connection.name is None and connection.reason is not Nameless.NO_PAYLOAD:
                return self._prc.unnamed(connection.server.ip)
        return match
