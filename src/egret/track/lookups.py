"""DNS messages to observations, and their answers to names for later flows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from egret.decode import dns
from egret.decode.dns import Message, Record
from egret.decode.ech import parse_config_list
from egret.decode.plain_lookup import Told, read_question
from egret.errors import DecodeError
from egret.evidence import Raw
from egret.model import Anomaly, Event, FlowKey, Kind, Observation, Protocol, Transport
from egret.track.answers import Answers
from egret.track.copies import Copies, Seen
from egret.track.deferred import Deferred
from egret.track.direction import ends_of
from egret.track.ech import EchLookups
from egret.track.heard import Heard
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.value import replace

MAX_TOLD = 4096  # bytes of an answer that is remembered: EDNS sizes end there
MAX_ANSWERS_TOLD = 512  # some 2 MB at most; what falls out costs a proof, never a name
MAX_CHAIN = 16  # CNAMEs followed from the question; resolvers give up at 8 to 17
_DNS, _QUERY, _ANSWER, _CNAME = (
    Protocol.DNS,
    Kind.QUERY,
    Kind.ANSWER,
    Kind.CNAME,
)  # an enum's attribute costs a look-up each time
_QUESTION = 12  # where a message's question begins
_COUNTS, _ONE_AND_NONE = slice(4, 8), b"\0\1\0\0"  # of questions and answers
_TEXTS = {transport: transport.value for transport in Transport}
_new = tuple.__new__


class Lookups:
    """Reads whole DNS messages.

    The same message between the same ends within ``Limits.duplicate_s`` is a second copy of it (another
    interface, a mirrored port), counted and not said again; a client that asks again later, or with
    another message id, is heard again. Copies of TCP segments are known by their sequence numbers.
    """

    def __init__(self, limits: Limits, answers: Answers, counters: Counters, ech: EchLookups | None = None) -> None:
        self._read_plain = limits.read_lookup
        self._answers = answers
        self._ech = ech
        self._counters = counters
        self.deferred = Deferred(limits.answer_bytes, counters.evictions, self._learn, self._learn_service)
        answers.catch_up = self.deferred.settle
        if ech is not None:
            ech.catch_up, ech.catch_up_services = self.deferred.settle, self.deferred.settle_services
        self._told: OrderedDict[tuple[bytes, bytes], tuple[bytes, Heard]] = OrderedDict()
        self.copies: Seen = Copies(limits.duplicates, limits.duplicate_s * SECOND_NS)

    def feed(self, wire: bytes, heard: Heard, *, cut: bool = False) -> list[Event]:
        """Say what one message holds.

        Args:
            wire: the message; with TCP without its length.
            heard: its ends, in the direction it went.
            cut: the capture holds less of it than the wire did: then its breaking off is no anomaly.
        """
        if heard.transport is Transport.UDP and self._is_copy(wire, heard):
            return []
        return self.read(wire, heard, cut=cut)

    def read(self, wire: bytes, heard: Heard, *, cut: bool = False) -> list[Event]:
        """As ``feed``, a message that is no copy."""
        plain = self._read_plain(wire)
        if plain is not None:
            return [self._said(plain, wire, heard)]
        try:
            message = dns.parse_message(wire)
        except DecodeError as error:
            return [self._anomaly(error, heard)]
        events = (self._answered if message.is_response else self._asked)(message, wire, heard)
        if message.reason is not None and not cut:
            events.append(self._anomaly(DecodeError(message.reason), heard))
        return events

    def _said(self, plain: Told, wire: bytes, heard: Heard) -> Observation:
        """What ``_asked`` and ``_answered`` say of a message of the plainest shape."""
        if plain[2] is not None:
            client = heard.destination.ip
            self.deferred.add(client, heard.time_ns, wire)
            if self.learn(plain, client, heard.time_ns):
                self.remember(client, plain[2], wire, heard)
        return say(plain, wire, heard)

    def learn(self, plain: Told, client: bytes, time_ns: int) -> bool:
        """Take from an answer of the plainest shape, which waits to be read, what must be known at once.

        Returns:
            Whether a signature names what was asked for, so that the answer is one to ``remember``.
        """
        name, _, addresses, ttl_s = plain
        return addresses is not None and self._answers.keep(client, addresses, name, ttl_s, time_ns)

    def _is_copy(self, wire: bytes, heard: Heard) -> bool:
        """Whether a datagram is the second of its kind, then counted as such; the next one like it will be."""
        copy = self.copies.seen(ends_of(heard.source, heard.destination), wire, heard.time_ns)
        self._counters.duplicates += copy
        return copy

    @staticmethod
    def _anomaly(error: DecodeError, heard: Heard) -> Anomaly:
        flow = FlowKey(heard.transport, heard.source, heard.destination)
        return Anomaly(heard.time_ns, Protocol.DNS.value, error.reason, flow, heard.interface)

    def _asked(self, message: Message, wire: bytes, heard: Heard) -> list[Event]:
        raw = Raw(wire)
        events: list[Event] = [
            Observation(
                time_ns=heard.time_ns,
                protocol=_DNS,
                kind=_QUERY,
                name=question.name,
                client=heard.source,
                server=heard.destination,
                interface=heard.interface,
                attributes={"transport": _TEXTS[heard.transport]},
                raw=raw,
                qtype=dns.type_name(question.qtype) if question.qtype else None,
            )
            for question in message.questions
            if question.name  # the root is no name
        ]
        return events + self._registered(message.records, heard, raw) if message.records else events

    def _registered(self, records: tuple[Record, ...], heard: Heard, raw: Raw) -> list[Event]:
        """Records that a request brings, as an update does (RFC 2136 section 2); nobody looked them up."""
        hosts: dict[str, list[Record]] = {}
        found: list[Observation] = []
        back = heard._replace(source=heard.destination, destination=heard.source)
        for record in records:
            if record.rtype in {dns.A, dns.AAAA}:
                hosts.setdefault(record.owner, []).append(record)
            elif record.rtype in {dns.CNAME, dns.DNAME} and record.target is not None:
                found.append(self._cname(record, back))
        found += [self._answer(owner, held, back, raw) for owner, held in hosts.items() if owner]
        return [replace(each, attributes={**each.attributes, "in_request": True}) for each in found]

    def _answered(self, message: Message, wire: bytes, heard: Heard) -> list[Event]:
        """One observation a CNAME or DNAME record, and one an owner of addresses; the client is who asked."""
        hosts: dict[str, list[Record]] = {}
        events: list[Event] = []
        for record in message.records:
            if record.address is not None or _is_broken_address(record):
                hosts.setdefault(record.owner, []).append(record)
            elif record.rtype in {dns.CNAME, dns.DNAME} and record.target is not None:
                events.append(self._cname(record, heard))
        self.deferred.add(heard.destination.ip, heard.time_ns, wire)
        asked = (question.name for question in message.questions)
        if any(map(self._answers.is_flagged, (*asked, *hosts))):
            self._note(message, wire, heard)
        raw = Raw(wire)
        events += [self._answer(owner, records, heard, raw) for owner, records in hosts.items() if owner]
        return events

    def _note(self, message: Message, wire: bytes, heard: Heard) -> None:
        """Remember the answer that gave an address of a flagged name, should a connection show nothing else."""
        client = heard.destination.ip
        for name, ttl_s, addresses in _names_of_addresses(message):
            self.remember(client, addresses, wire, heard)
            self._answers.keep(client, addresses, name, ttl_s, heard.time_ns)

    def remember(self, client: bytes, addresses: tuple[bytes, ...], wire: bytes, heard: Heard) -> None:
        """Remember an answer that gave *client* the addresses of a flagged name, for ``told``."""
        if len(wire) > MAX_TOLD:
            return
        told, answer = self._told, (wire, heard)
        for address in addresses:
            key = client, address
            told[key] = answer
            told.move_to_end(key)
        while len(told) > MAX_ANSWERS_TOLD:
            told.popitem(last=False)

    def told(self, client: bytes, address: bytes) -> tuple[bytes, Heard] | None:
        """The answer that last gave *client* this *address* for a flagged name, as it came; None if it is forgotten."""
        return self._told.get((client, address))

    def _learn(self, client: bytes, time_ns: int, wire: bytes) -> None:
        """What an answer to *client* teaches about addresses and ECH."""
        message = dns.parse_message(wire)
        self._learn_addresses(message, client, time_ns)
        self._learn_binding(message, client, time_ns)

    def _learn_service(self, client: bytes, time_ns: int, wire: bytes) -> None:
        """What an answer about HTTPS records teaches about ECH; most say that there are none."""
        asked = read_question(wire[_QUESTION : wire.find(0, _QUESTION) + 5]) if wire[_COUNTS] == _ONE_AND_NONE else None
        if asked is None or self._ech is None:
            self._learn_binding(dns.parse_message(wire), client, time_ns)
        else:
            self._ech.learn_https(client, _service_host(asked[0]), (), 0, time_ns)

    def _learn_binding(self, message: Message, client: bytes, time_ns: int) -> None:
        if self._ech is not None and message.questions and message.questions[0].qtype == dns.HTTPS:
            hints = [record for record in message.records if record.service is not None]
            _learn_https(message, hints, client, time_ns, self._ech)

    @staticmethod
    def _cname(record: Record, heard: Heard) -> Observation:
        return Observation(
            time_ns=heard.time_ns,
            protocol=_DNS,
            kind=_CNAME,
            name=record.owner,
            client=heard.destination,
            server=heard.source,
            interface=heard.interface,
            attributes={"transport": _TEXTS[heard.transport]},
            ttl_s=record.ttl_s,
            target=record.target,
        )

    @staticmethod
    def _answer(owner: str, records: list[Record], heard: Heard, raw: Raw) -> Observation:
        return Observation(
            time_ns=heard.time_ns,
            protocol=_DNS,
            kind=_ANSWER,
            name=owner,
            client=heard.destination,
            server=heard.source,
            interface=heard.interface,
            attributes={"transport": _TEXTS[heard.transport]},
            raw=raw,
            addresses=tuple(dict.fromkeys([record.address for record in records if record.address is not None])),
            ttl_s=min([record.ttl_s for record in records]),
        )

    def _learn_addresses(self, message: Message, client: bytes, time_ns: int) -> None:
        for name, ttl_s, addresses in _names_of_addresses(message):
            for address in addresses:
                self._answers.learn(client, address, name, ttl_s, time_ns)
            if self._ech is not None:
                self._ech.learn_addresses(client, name, addresses, ttl_s, time_ns)


def say(plain: Told, wire: bytes, heard: Heard) -> Observation:
    """The observation of a message of the plainest shape."""
    name, qtype, addresses, ttl_s = plain
    time_ns, transport, source, destination, interface = heard
    attributes, raw = {"transport": _TEXTS[transport]}, _new(Raw, (wire, b"", 0))
    if addresses is None:
        return Observation(
            time_ns=time_ns,
            protocol=_DNS,
            kind=_QUERY,
            name=name,
            client=source,
            server=destination,
            interface=interface,
            qtype=qtype,
            attributes=attributes,
            raw=raw,
        )
    return Observation(
        time_ns=time_ns,
        protocol=_DNS,
        kind=_ANSWER,
        name=name,
        client=destination,
        server=source,
        interface=interface,
        addresses=addresses,
        ttl_s=ttl_s,
        attributes=attributes,
        raw=raw,
    )


def _names_of_addresses(message: Message) -> Iterator[tuple[str, int, tuple[bytes, ...]]]:
    """An address is called what was asked for, through the chain of CNAMEs; else what owns the record."""
    asked = message.questions[0].name if message.questions else ""
    chain = _chain(asked, message.records)
    for record in message.records:
        addresses = _addresses(record)
        name = asked if record.owner in chain else record.owner
        if name and addresses and record.section == dns.ANSWER:
            yield name, record.ttl_s, addresses


def _is_broken_address(record: Record) -> bool:
    """An A or AAAA record of another length than an address has: its owner stands all the same."""
    return record.rtype in {dns.A, dns.AAAA} and record.rclass == dns.IN


def _learn_https(message: Message, hints: list[Record], client: bytes, time_ns: int, ech: EchLookups) -> None:
    """What the asked name's HTTPS answer says of ECH; an answer without any says that there is none.

    Records of the target of an alias come in the same answer (RFC 9460 section 4.1) and hold for what was asked.
    """
    name = _service_host(message.questions[0].name)
    answers = [(record, record.service) for record in hints if record.section == dns.ANSWER]
    lists = [service.ech for _, service in answers if service is not None and service.ech]
    configs = tuple(dict.fromkeys(config for data in lists for config in parse_config_list(data)))
    ttl_s = min((record.ttl_s for record, _ in answers), default=0)
    ech.learn_https(client, name, configs, ttl_s, time_ns)
    addresses = [address for record, _ in answers for address in _addresses(record)]
    if addresses:
        ech.learn_addresses(client, name, addresses, ttl_s, time_ns)


def _service_host(asked: str) -> str:
    """The host of ``_8443._https.host``, which is asked for ports other than 443 (RFC 9460 section 9.1)."""
    port, _, rest = asked.partition("._https.")
    return rest if rest and port.startswith("_") else asked


def _addresses(record: Record) -> tuple[bytes, ...]:
    """Of A and AAAA the address; of SVCB and HTTPS the hints, which clients use as well (RFC 9460 section 7.3)."""
    if record.service is not None:
        return record.service.addresses
    return () if record.address is None else (record.address,)


def _chain(asked: str, records: tuple[Record, ...]) -> set[str]:
    """The question's name and every name that its CNAMEs lead to; a loop ends it."""
    targets = {record.owner: record.target for record in records if record.rtype == dns.CNAME}
    chain = {asked}
    name: str | None = asked
    for _ in range(MAX_CHAIN):
        name = targets.get(name) if name is not None else None
        if name is None or name in chain:
            break
        chain.add(name)
    return chain
