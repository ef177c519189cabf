"""Proofs as packets again: what other programs can open, and what the pipeline reads to the same name.

Each proof becomes raw IP packets (LINKTYPE_RAW) between the ends that were seen, with its message whole: segments,
records, fragments and tunnels are not as they were, and whoever writes the packets says so.
Ref: RFC 791, RFC 8200, RFC 9293, RFC 768; RFC 9001 section 5 for the Initial packets of QUIC.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct, unpack

from egret.decode.quic import MIN_CLIENT_DATAGRAM
from egret.decode.quic_keys import KNOWN_VERSIONS, SAMPLE, TAG, VERSION_1, VERSION_2, VERSION_2_DRAFT, initial_keys
from egret.evidence import Form, Proof, Told
from egret.model import Connection, Endpoint, Kind, Observation, Protocol, Transport

RAW_IP = 101  # of the pcap registry
SEGMENT = 1400  # bytes of payload in one packet
_RECORD = 1 << 14
_TCP, _UDP = 6, 17
_SYN, _ACK, _PSH = 0x02, 0x10, 0x08
_HOPS = 64
_FIRST = 0x1000  # the sequence number of the first byte: the real one is nobody's business
_PORTS = Struct("!HHIIBBHHH")
_DATAGRAM = Struct("!HHHH")


def packets(event: Observation | Connection, proof: Proof) -> list[tuple[int, bytes]]:
    """The packets of one proof, each with its time, from the IP header on; none where its ends do not fit together."""
    if len(event.client.ip) != len(event.server.ip):
        return []
    told, time_ns = proof.told, event.time_ns
    before = [] if told is None else [(told.time_ns, data) for data in _told(event.client, told)]
    return before + [(time_ns, data) for data in _of_message(event, proof)]


def _of_message(event: Observation | Connection, proof: Proof) -> list[bytes]:
    client, server = event.client, event.server
    if proof.form is Form.BLANK:
        return _blank(client, server, proof.data)
    datagrams = _is_datagram(event)
    if isinstance(event, Observation) and event.kind is Kind.ANSWER and "in_request" not in event.attributes:
        client, server = server, client
    if proof.form is Form.DNS and not datagrams:
        return _segments(client, server, len(proof.data).to_bytes(2, "big") + proof.data)
    if proof.form is Form.HELLO:
        return [*_hello(event.protocol, client, server, proof)]
    return [_udp(client, server, proof.data)] if datagrams else _segments(client, server, proof.data)


def _told(client: Endpoint, told: Told) -> list[bytes]:
    """The answer that named the address; it came before."""
    if len(told.resolver) != len(client.ip):
        return []
    source, asker = Endpoint(told.resolver, told.resolver_port), Endpoint(client.ip, told.client_port)
    if told.tcp:
        return _segments(source, asker, len(told.data).to_bytes(2, "big") + told.data)
    return [_udp(source, asker, told.data)]


def _is_datagram(event: Observation | Connection) -> bool:
    transport = event.transport if isinstance(event, Connection) else event.attributes.get("transport")
    return transport == Transport.UDP


def _hello(protocol: Protocol | None, client: Endpoint, server: Endpoint, proof: Proof) -> Iterator[bytes]:
    if protocol is Protocol.QUIC:
        yield from (_udp(client, server, datagram) for datagram in _initials(proof))
    elif protocol is Protocol.DTLS:
        yield _udp(client, server, _dtls(proof.data))
    else:
        yield from _segments(client, server, _records(proof.data))


def _records(message: bytes) -> bytes:
    """RFC 8446 section 5.1."""
    pieces = (message[at : at + _RECORD] for at in range(0, len(message), _RECORD))
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def _dtls(message: bytes) -> bytes:
    """One record with one fragment of a hello that may be cut (RFC 6347 section 4.2.2)."""
    body = message[4:]
    fragment = message[:4] + bytes(5) + len(body).to_bytes(3, "big") + body
    return b"\x16\xfe\xfd" + bytes(8) + len(fragment).to_bytes(2, "big") + fragment


def _initials(proof: Proof) -> Iterator[bytes]:
    """The hello in Initial packets with the connection id and version that it had, sealed as RFC 9001 section 5."""
    version = proof.version if proof.version in KNOWN_VERSIONS else VERSION_1
    keys = initial_keys(proof.dcid, version)
    first = 0xD3 if version in {VERSION_2, VERSION_2_DRAFT} else 0xC3
    room = MIN_CLIENT_DATAGRAM - 64 - len(proof.dcid)
    for number, at in enumerate(range(0, len(proof.data), room)):
        piece = proof.data[at : at + room]
        frame = b"\x06" + _varint(at) + _varint(len(piece)) + piece
        head = bytes((first,)) + proof.version.to_bytes(4, "big") + bytes((len(proof.dcid),)) + proof.dcid + b"\0\0"
        frame = frame.ljust(MIN_CLIENT_DATAGRAM - len(head) - 2 - 4 - TAG, b"\0")
        head += _varint(4 + len(frame) + TAG) + number.to_bytes(4, "big")
        sealed = keys.seal(number, head, frame)
        mask = keys.mask(sealed[:SAMPLE])
        masked = bytes(byte ^ other for byte, other in zip(head[-4:], mask[1:5], strict=True))
        yield bytes((head[0] ^ (mask[0] & 0x0F),)) + head[1:-4] + masked + sealed


def _varint(value: int) -> bytes:
    """RFC 9000 section 16, in two bytes: all that is written here is shorter than 16 KB."""
    return (value | 0x4000).to_bytes(2, "big")


def _segments(client: Endpoint, server: Endpoint, data: bytes) -> list[bytes]:
    pieces = range(0, len(data), SEGMENT)
    return [_tcp(client, server, data[at : at + SEGMENT], _FIRST + at, _PSH | _ACK) for at in pieces]


def _blank(client: Endpoint, server: Endpoint, data: bytes) -> list[bytes]:
    """A connection with something in it: both ends take part."""
    return [
        _tcp(client, server, b"", _FIRST - 1, _SYN),
        _tcp(server, client, b"", _FIRST - 1, _SYN | _ACK),
        _tcp(client, server, data, _FIRST, _PSH | _ACK),
    ]


def _tcp(source: Endpoint, destination: Endpoint, payload: bytes, seq: int, flags: int) -> bytes:
    ack = _FIRST if flags & _ACK else 0
    head = _PORTS.pack(source.port, destination.port, seq, ack, 0x50, flags, 0xFFFF, 0, 0)
    return _ip(source.ip, destination.ip, _TCP, head + payload, 16)


def _udp(source: Endpoint, destination: Endpoint, payload: bytes) -> bytes:
    head = _DATAGRAM.pack(source.port, destination.port, 8 + len(payload), 0)
    return _ip(source.ip, destination.ip, _UDP, head + payload, 6)


def _ip(source: bytes, destination: bytes, protocol: int, body: bytes, checksum_at: int) -> bytes:
    """An IP packet around a segment or datagram, whose checksum is filled in."""
    pseudo = source + destination + len(body).to_bytes(4, "big") + protocol.to_bytes(4, "big")
    total = _checksum(pseudo + body) or 0xFFFF
    body = body[:checksum_at] + total.to_bytes(2, "big") + body[checksum_at + 2 :]
    if len(source) == 16:
        return b"\x60\0\0\0" + len(body).to_bytes(2, "big") + bytes((protocol, _HOPS)) + source + destination + body
    head = b"\x45\0" + (20 + len(body)).to_bytes(2, "big") + b"\0\0\x40\0" + bytes((_HOPS, protocol))
    return head + _checksum(head + bytes(2) + source + destination).to_bytes(2, "big") + source + destination + body


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
