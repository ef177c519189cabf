"""From what a hello or a request head said to the events that say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from egret import names
from egret.decode import gquic
from egret.decode.gquic import Chlo
from egret.decode.ja4 import fingerprint
from egret.decode.tls import ClientHello
from egret.decode.tls_extensions import find_server_name
from egret.errors import Reason
from egret.evidence import Raw
from egret.model import (
    NOTHING,
    Anomaly,
    Connection,
    Endpoint,
    Event,
    FlowKey,
    Kind,
    NamedBy,
    Nameless,
    Observation,
    Protocol,
    Transport,
)
from egret.track.answers import Answers
from egret.track.ech import UNKNOWN, EchLookups


@lru_cache(maxsize=1 << 14)  # the same few names come again and again
def _spell(host: bytes) -> tuple[str | None, Reason | None]:
    """A name as it was said, without a port (RFC 6066 section 3 has no place for one), and what is wrong with it."""
    bare = names.split_port(host)[0]
    bad = names.from_host(bare) is None and not names.is_address(host)
    return names.as_said(bare), Reason.BAD_NAME if bad else None


_HELLO = NamedBy.HELLO  # an enum's attribute costs a look-up each time
_TEXTS = {transport: transport.value for transport in Transport}
_NAMED_BY = {Protocol.HTTP: NamedBy.HTTP, Protocol.SOCKS: NamedBy.SOCKS}


class Ends(NamedTuple):
    """Who talks to whom, and where it was seen."""

    transport: Transport
    client: Endpoint
    server: Endpoint
    interface: str | None

    @property
    def flow(self) -> FlowKey:
        """The client's direction."""
        return FlowKey(self.transport, self.client, self.server)


class Said(NamedTuple):
    """One message that may name its destination."""

    protocol: Protocol
    kind: Kind
    name: str | None  # canonical; None: the message has no place for a name, or left it out
    attributes: Mapping[str, object] = NOTHING
    anomaly: Reason | None = None  # beside or after the name
    also: tuple[str, ...] = ()  # other names in the same message: Host lines beside an absolute form or another one
    consumed: int = 0  # bytes of the stream that the message took; 0 where nothing after it matters
    raw: Raw | None = None  # the message

    @property
    def names(self) -> frozenset[str]:
        """Every name in it."""
        return frozenset(self.also) if self.name is None else frozenset((self.name, *self.also))

    def without(self, known: frozenset[str]) -> Said:
        """The same with no name that is in *known*."""
        name = None if self.name in known else self.name
        return self._replace(name=name, also=tuple(other for other in self.also if other not in known))


def said_by_hello(hello: ClientHello, protocol: Protocol) -> Said:
    """What a ClientHello says, with the few attributes that are kept of it."""
    attributes: dict[str, object] = {"version": hello.version_text}
    if hello.alpn:
        attributes["alpn"] = [names.printable(name.decode("latin-1")) for name in hello.alpn]
    if hello.ech:
        attributes["ech"] = UNKNOWN
        attributes["ech_config_id"] = hello.ech_config_id
    if hello.esni:
        attributes["esni"] = True
    if hello.post_quantum:
        attributes["post_quantum"] = True
    ja4 = fingerprint(hello, protocol)
    if ja4 is not None:
        attributes["ja4"] = ja4
    raw = Raw(hello.message) if hello.message else None
    return _said(hello.server_name, protocol, attributes, hello.anomaly, raw)


def said_by_chlo(chlo: Chlo, version: int) -> Said:
    """What the hello of Google's own QUIC says; its version is that of the transport."""
    return _said(chlo.server_name, Protocol.QUIC, {"version": gquic.version_text(version)}, chlo.anomaly)


def _said(
    host: bytes | None,
    protocol: Protocol,
    attributes: Mapping[str, object],
    anomaly: Reason | None,
    raw: Raw | None = None,
) -> Said:
    name, bad = (None, None) if host is None else _spell(host)
    return Said(protocol, Kind.CLIENT_HELLO, name, attributes, anomaly or bad, raw=raw)


def said_behind_holes(parts: Iterable[bytes], protocol: Protocol, attributes: Mapping[str, object]) -> Said | None:
    """The name in what lies behind holes of a hello: where one of its pieces was lost, the name may be in another."""
    for part in parts:
        host = find_server_name(part)
        name = None if host is None else names.from_host(host)
        if is_host(name):
            return Said(protocol, Kind.CLIENT_HELLO, name, {"partial": True, **attributes}, Reason.GAP)
    return None


def is_host(name: str | None) -> bool:
    """Whether *name* can be believed where its surroundings prove nothing: several labels, no odd byte in any."""
    return name is not None and "." in name and "\\" not in name


class Namer:
    """Turns what was said, or the lack of it, into events; asks the answers where no name was said.

    *ech* tells a real Encrypted Client Hello from GREASE; without it every one is unknown.
    """

    __slots__ = ("_answers", "_ech")

    def __init__(self, answers: Answers, ech: EchLookups | None = None) -> None:
        self._answers = answers
        self._ech = ech

    def observations(self, said: Said, ends: Ends, time_ns: int) -> list[Event]:
        """An Observation for each name that was said, and the Anomaly that came beside it."""
        attributes: dict[str, object] = {"transport": _TEXTS[ends.transport], **said.attributes}
        if self._ech is not None and said.name is not None and "ech" in attributes:
            attributes |= self._ech.judge(
                said.name, attributes.get("ech_config_id"), ends.client.ip, ends.server.ip, time_ns
            )
        _, client, server, interface = ends
        protocol, raw = said.protocol, said.raw
        named = [] if said.name is None else [(said.name, said.kind)]
        events: list[Event] = [
            Observation(
                time_ns=time_ns,
                protocol=protocol,
                kind=kind,
                name=name,
                client=client,
                server=server,
                interface=interface,
                attributes=attributes,
                raw=raw,
            )
            for name, kind in (named + [(other, Kind.REQUEST) for other in said.also] if said.also else named)
        ]
        if said.anomaly is not None:
            events.append(Anomaly(time_ns, said.protocol.value, said.anomaly, ends.flow, ends.interface))
        return events

    def connection(self, said: Said, ends: Ends, time_ns: int) -> Connection:
        """The Connection of a message; one without a name may still be named by an answer."""
        if said.name is None:
            return self.nameless(Nameless.NO_SNI, ends, time_ns, said.protocol, said.raw)
        named_by = _NAMED_BY.get(said.protocol, _HELLO)
        return _connection(ends, time_ns, named_by, said.name, said.protocol)

    def nameless(
        self, reason: Nameless, ends: Ends, time_ns: int, protocol: Protocol | None = None, raw: Raw | None = None
    ) -> Connection:
        """The Connection of a flow that said no name."""
        name = self._answers.name_of(ends.client.ip, ends.server.ip, time_ns)
        if name is None:
            return _connection(ends, time_ns, NamedBy.NOTHING, None, protocol, reason, raw)
        return _connection(ends, time_ns, NamedBy.ANSWER, name, protocol, None, raw)


def _connection(
    ends: Ends,
    time_ns: int,
    named_by: NamedBy,
    name: str | None,
    protocol: Protocol | None,
    reason: Nameless | None = None,
    raw: Raw | None = None,
) -> Connection:
    transport, client, server, interface = ends
    return Connection(
        time_ns=time_ns,
        transport=transport,
        client=client,
        server=server,
        named_by=named_by,
        name=name,
        reason=reason,
        protocol=protocol,
        interface=interface,
        raw=raw,
    )
