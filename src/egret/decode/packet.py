"""From a captured frame to a TCP or UDP packet, through whatever headers lie between.

One loop and literal tables: a new encapsulation is a function and a row. The loop's count is the one
depth budget, so no nesting of tunnels can hold it for long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import NamedTuple

from egret.decode.bundles import multiplexed
from egret.decode.exported import exported_pdu
from egret.decode.ip import TCP, UDP, Datagram, continue_chain, parse_ip
from egret.decode.ip_tunnels import IP_PROTOCOLS
from egret.decode.layer import Layer, Several, Space, Table
from egret.decode.link import ETHERNET, ETHERTYPES, IPV4, IPV6, LINKTYPES, PPP_PROTOCOLS
from egret.decode.old_links import OLD_LINKTYPES
from egret.decode.reader import unpack
from egret.decode.tunnel import TUNNEL_ETHERTYPES, UDP_PORTS, tzsp
from egret.decode.vendor_links import VENDOR_LINKTYPES
from egret.decode.wlan import WLAN_LINKTYPES
from egret.errors import DecodeError, Malformed, Reason, Unsupported
from egret.model import Endpoint, FlowKey, Frame, Transport

MAX_HEADERS = 24  # more than two tunnels with a VLAN stack each need; Reason.TOO_DEEP beyond
MAX_BUNDLED = 256  # pieces of one bundle; a frame of Ethernet's size holds a tenth; Reason.TOO_LARGE beyond

_ORDINARY_4 = Struct("!12xHBxHxxHxB2x4s4sHH")  # Ethernet, IPv4 without options, ports
_ORDINARY_6 = Struct("!18xHBx16s16sHH")  # Ethernet, IPv6 without extension headers, ports
_TCP_REST = Struct("!IIBB")
_U16 = Struct("!H")
_TCP = Struct("!HHIIBB")
_UDP = Struct("!HHH2x")
_UDP_LITE = 136
_DNS_PORT = 53
_SMALLEST_ORDINARY = 14 + 20 + 8
_TCP_TRANSPORT, _UDP_TRANSPORT = Transport.TCP, Transport.UDP  # an enum's attribute costs a look-up each time
_new = tuple.__new__


class Packet(NamedTuple):
    """One TCP segment or UDP datagram. *payload* borrows the frame's memory: ``bytes()`` what you keep."""

    time_ns: int
    transport: Transport
    source: Endpoint
    destination: Endpoint
    payload: memoryview
    wire_payload_length: int  # what the headers claim: more than len(payload) when the snap length cut it
    seq: int  # TCP; 0 for UDP
    flags: int  # TCP, low eight bits; 0 for UDP
    interface: str | None
    ack: int = 0  # TCP, where its flag is set: the next byte that the sender of this expects

    @property
    def flow(self) -> FlowKey:
        """This direction of the flow."""
        return FlowKey(self.transport, self.source, self.destination)


class Context(NamedTuple):
    """What the frame knows and the headers do not."""

    time_ns: int
    interface: str | None
    missing: int = 0  # bytes that the snap length cut from the frame's end
    headers: int = MAX_HEADERS  # how many more may be opened
    quoted: bool = False  # in an error message


class Beside(NamedTuple):
    """One more thing in a frame: a packet, or what could not be read."""

    packet: Packet | None
    error: DecodeError | None = None
    quoted: bool = False  # an error message quotes it


# Takes one fragment and its time; gives the whole datagram as soon as it is complete.
Reassemble = Callable[[Datagram, Context], Datagram | None]

_TABLES: Mapping[Space, Table] = {
    Space.LINKTYPE: {**LINKTYPES, **OLD_LINKTYPES, **WLAN_LINKTYPES, **VENDOR_LINKTYPES, 128: tzsp, 252: exported_pdu},
    Space.ETHERTYPE: {**ETHERTYPES, **TUNNEL_ETHERTYPES},
    Space.PPP: {**PPP_PROTOCOLS, 0x59: multiplexed},
}


def decode_packet(
    frame: Frame, reassemble: Reassemble | None = None, beside: list[Beside] | None = None
) -> Packet | None:
    """Find the TCP or UDP packet in one frame.

    Args:
        frame: as captured.
        reassemble: takes IP fragments (``track.fragments.Reassembler.add``). Without it a first
            fragment is used as far as it goes and later ones are ignored.
        beside: takes what a frame has besides its one packet: the others of an aggregate or of a
            sampler's report, and what ICMP errors quote. Without it they are left out.

    Returns:
        The packet; None where there is none: ARP, ICMP, a fragment whose others are still to come.

    Raises:
        DecodeError: headers that are cut, contradict themselves, or are of a kind not read.
    """
    packet = _ordinary(frame)
    if packet is not None:
        return packet
    context = Context(frame.time_ns, frame.interface, max(0, frame.wire_length - len(frame.data)))
    return _walk(Layer(Space.LINKTYPE, frame.linktype, frame.data), context, reassemble, beside)


def _ordinary(frame: Frame) -> Packet | None:
    """The one path that nearly every frame takes, in one piece: Ethernet, IP without options, TCP or UDP.

    Equal to ``_walk`` wherever it gives a packet (tests/property/test_packet.py); anything out of the
    ordinary, and every error, is None and left to ``_walk``. The tuples are made without their
    classes' own constructors, which cost as much as all the rest.
    """
    time_ns, linktype, data, _, interface, _ = frame
    size, seq, flags, ack = len(data), 0, 0, 0
    if linktype != ETHERNET or size < _SMALLEST_ORDINARY:
        return None
    ethertype, first, length, fragment, protocol, source, destination, sport, dport = _ORDINARY_4.unpack_from(data)
    if ethertype == IPV4 and first == 0x45 and not fragment & 0x3FFF and length:
        start, end = 34, 14 + length
    elif ethertype == IPV6 and size >= 62 and first >> 4 == 6:
        length, protocol, source, destination, sport, dport = _ORDINARY_6.unpack_from(data)
        start, end = 54, 54 + length  # a length of 0 ends before it starts
    else:
        return None
    if protocol == TCP:
        if size < start + 20:
            return None
        seq, ack, offset, flags = _TCP_REST.unpack_from(data, start + 4)
        transport, header = _TCP_TRANSPORT, (offset >> 4) * 4
        if header < 20:
            return None
    elif protocol == UDP and sport not in UDP_PORTS and dport not in UDP_PORTS:
        (length,) = _U16.unpack_from(data, start + 4)
        transport, header = _UDP_TRANSPORT, 8
        if start + length > end:
            return None
        end = start + length
    else:
        return None
    start += header
    if start > end:
        return None
    client, server = _new(Endpoint, (source, sport)), _new(Endpoint, (destination, dport))
    fields = (time_ns, transport, client, server, data[start:end], end - start, seq, flags, interface, ack)
    return _new(Packet, fields)


def decode_datagram(datagram: Datagram, context: Context) -> Packet | None:
    """As ``decode_packet``, from a datagram that was put together from fragments.

    Raises:
        DecodeError: as ``decode_packet``.
    """
    found = _open(continue_chain(datagram), context)
    return found if found is None or isinstance(found, Packet) else _walk(found, context, None)


def _walk(
    layer: Layer | Several | None,
    context: Context,
    reassemble: Reassemble | None,
    beside: list[Beside] | None = None,
) -> Packet | None:
    for opened in range(context.headers):
        if layer is None:
            return None
        if isinstance(layer, Several):
            quoted = layer.quoted or context.quoted
            inner = context._replace(missing=0, headers=context.headers - opened - 1, quoted=quoted)
            return _each(layer, inner, reassemble, [] if beside is None else beside)
        if layer.space is not Space.IP:
            layer = _next(layer)
            continue
        datagram = _whole(parse_ip(layer.data, context.missing), context, reassemble)
        if datagram is None:
            return None
        found = _open(datagram, context)
        if isinstance(found, Packet):
            return found
        layer = found
    raise Unsupported(Reason.TOO_DEEP, 0)


def _each(several: Several, context: Context, reassemble: Reassemble | None, beside: list[Beside]) -> Packet | None:
    """The first packet of a bundle; the others go to *beside*, and so does all that is quoted."""
    if context.quoted:
        reassemble = None  # a quotation takes no part in what is put together
    first: Packet | None = None
    try:
        for number, layer in enumerate(several.layers):
            if number == MAX_BUNDLED:
                raise Unsupported(Reason.TOO_LARGE, 0)
            packet = _piece(layer, context, reassemble, beside)
            if packet is not None and first is None and not context.quoted:
                first = packet
            elif packet is not None:
                beside.append(Beside(packet, None, context.quoted))
    except DecodeError as error:
        beside.append(Beside(None, error))
    return first


def _piece(layer: Layer, context: Context, reassemble: Reassemble | None, beside: list[Beside]) -> Packet | None:
    try:
        return _walk(layer, context, reassemble, beside)
    except DecodeError as error:
        beside.append(Beside(None, error))
        return None


def _next(layer: Layer) -> Layer | Several | None:
    decoder = _TABLES[layer.space].get(layer.number)
    if decoder is not None:
        return decoder(layer.data)
    if layer.space is Space.LINKTYPE:
        raise Unsupported(Reason.UNKNOWN_LINKTYPE, 0)
    return None


def _whole(datagram: Datagram, context: Context, reassemble: Reassemble | None) -> Datagram | None:
    fragment = datagram.fragment
    if fragment is None:
        return datagram
    if reassemble is None:
        return continue_chain(datagram) if fragment.offset == 0 else None
    whole = reassemble(datagram, context)
    return None if whole is None else continue_chain(whole)


def _open(datagram: Datagram, context: Context) -> Packet | Layer | Several | None:
    """What the datagram carries: a packet, or a tunnel's inner layer."""
    if datagram.protocol == TCP:
        return _tcp(datagram, context)
    if datagram.protocol == UDP:
        return _udp(datagram, context)
    if datagram.protocol == _UDP_LITE:
        return _udp_lite(datagram, context)
    tunnel = IP_PROTOCOLS.get(datagram.protocol)
    return None if tunnel is None else tunnel(datagram.payload)


def _tcp(datagram: Datagram, context: Context) -> Packet:
    payload = datagram.payload
    source, destination, seq, ack, offset, flags = unpack(_TCP, payload)
    header = (offset >> 4) * 4
    if header < 20 or header > datagram.wire_length:
        raise Malformed(Reason.BAD_LENGTH, 12)
    return Packet(
        context.time_ns,
        Transport.TCP,
        Endpoint(datagram.source, source),
        Endpoint(datagram.destination, destination),
        payload[header:],
        datagram.wire_length - header,
        seq,
        flags,
        context.interface,
        ack,
    )


def _udp_lite(datagram: Datagram, context: Context) -> Packet | Layer | Several | None:
    """RFC 3828: in place of the length stands how much the checksum covers."""
    payload = datagram.payload
    unpack(_UDP, payload)
    return _udp(datagram._replace(payload=memoryview(payload[:4].tobytes() + bytes(2) + payload[6:])), context)


def _udp(datagram: Datagram, context: Context) -> Packet | Layer | Several | None:
    payload = datagram.payload
    source, destination, length = unpack(_UDP, payload)
    # A length of 0 is a jumbogram (RFC 2675 section 4) or a super-packet.
    length = length or datagram.wire_length
    if length < 8:
        raise Malformed(Reason.BAD_LENGTH, 4)
    length = min(length, datagram.wire_length)
    body = payload[8:length]
    tunnel = UDP_PORTS.get(destination) or UDP_PORTS.get(source)
    if tunnel is not None and _DNS_PORT not in {source, destination}:
        inner = tunnel(body)
        if inner is not None:
            return inner
    return Packet(
        context.time_ns,
        Transport.UDP,
        Endpoint(datagram.source, source),
        Endpoint(datagram.destination, destination),
        body,
        length - 8,
        0,
        0,
        context.interface,
    )
