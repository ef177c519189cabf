"""TLS connections whose client says one plain hello: settled without the reader, if one of its shape was read before.

What a hello says besides its name (versions, protocols, the fingerprint of its program) lies outside of all in which
hellos of one shape may differ, but for the id of an ECH configuration. So it is read once for each shape.
"""

from __future__ import annotations

from collections.abc import Mapping

from egret.decode.hello_shapes import MAX_SHAPES, HelloShapes, Shape
from egret.decode.packet import Packet
from egret.decode.plain_hello import NO_ECH, Plain
from egret.decode.tls import HANDSHAKE_RECORD, parse_client_hello
from egret.evidence import Raw
from egret.model import Event, Kind, Protocol
from egret.track.direction import opposite
from egret.track.flow import Flow
from egret.track.naming import Ends, Namer, Said, said_by_hello
from egret.track.young import TakePlain, YoungFlows

HELLO_START = bytes([HANDSHAKE_RECORD])
_RECORD_HEADER = 5
_MASK = 0xFFFFFFFF
_TLS, _CLIENT_HELLO = Protocol.TLS, Kind.CLIENT_HELLO  # an enum's attribute costs a look-up each time
_new = tuple.__new__


class Hellos:
    """Reads plain hellos of one observer's streams.

    Args:
        namer: makes their events.
        flows: forgets the flows that are settled.
    """

    def __init__(self, namer: Namer, flows: YoungFlows) -> None:
        self._namer = namer
        self._flows = flows
        self._shapes = HelloShapes()
        self._told: dict[Shape, Mapping[str, object]] = {}
        self.take: TakePlain | None = None  # counts a hello of which nothing need be told

    def at_once(self, flow: Flow, seq: int, packet: Packet) -> list[Event] | None:
        """As ``settle``, with a stream's first segment, from *seq* on: where that is all, nothing is put together."""
        payload = packet.payload
        if flow.assembly is not None or not flow.sure or payload[0] != HANDSHAKE_RECORD or seq != flow.next_seq:
            return None
        return self.settle(flow, bytes(payload), (seq + len(payload)) & _MASK, packet.time_ns)

    def settle(self, flow: Flow, data: bytes, end_seq: int, time_ns: int) -> list[Event] | None:
        """What a stream says that is *data* so far, up to *end_seq*, if that is one plain hello; else None."""
        plain = self._shapes.read(data)
        if plain is None:
            return None
        events: list[Event] = []
        if not self._is_taken(flow, plain, time_ns):
            said = self._said(data, plain)
            if said is None:
                return None
            events = self._namer.observations(said, flow.ends, time_ns)
            if not flow.said:
                events.append(self._namer.connection(said, flow.ends, time_ns))
        self._flows.late.expect(flow.key, behind=end_seq)
        self._flows.decide(flow)
        return events

    def greet(self, ends: Ends, direction: bytes, first: int, data: bytes, time_ns: int) -> list[Event] | None:
        """As ``settle``, a connection that began with *data*, and of which the streams know nothing.

        Args:
            ends: its client's and its server's.
            direction: the same, as ``ends_of`` has them.
            first: the sequence number behind its SYN.
            data: all that the client said, from there on.
            time_ns: when it was whole.

        Returns:
            None where the streams must have it: something is known of it, or it is no plain hello.
        """
        key, other = hash(direction), hash(opposite(direction))
        plain = None if self._flows.knows(key) or self._flows.knows(other) else self._shapes.read(data)
        if plain is None:
            return None
        events: list[Event] = []
        if self.take is None or not self.take(*plain, direction, time_ns):
            said = self._said(data, plain)
            if said is None:
                return None
            events = self._namer.observations(said, ends, time_ns)
            events.append(self._namer.connection(said, ends, time_ns))
        self._flows.pass_over(key, other, first, (first + len(data)) & _MASK)
        return events

    def _is_taken(self, flow: Flow, plain: Plain, time_ns: int) -> bool:
        """Whether a connection's first message is a hello that was counted and is done with."""
        if self.take is None or not flow.sure or flow.layers or flow.said:
            return False
        return self.take(*plain, flow.raw_ends, time_ns)

    def _said(self, data: bytes, plain: Plain) -> Said | None:
        """What ``said_by_hello`` gives; None where nothing is known of the shape."""
        shape = self._shapes.shape_of(data)
        if shape is None:
            return None
        attributes = self._told.get(shape) or self._learn(shape, data)
        host, ech = plain
        if ech != NO_ECH:
            attributes = {**attributes, "ech_config_id": ech}
        raw = _new(Raw, (data[_RECORD_HEADER:], b"", 0))
        return _new(Said, (_TLS, _CLIENT_HELLO, host.decode("ascii"), attributes, None, (), 0, raw))

    def _learn(self, shape: Shape, data: bytes) -> Mapping[str, object]:
        if len(self._told) >= MAX_SHAPES:
            self._told.clear()
        said = said_by_hello(parse_client_hello(data[_RECORD_HEADER:]), Protocol.TLS)
        self._told[shape] = said.attributes
        return said.attributes
