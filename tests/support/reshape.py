"""Conversations to IP packets, in every shape that a network gives them; each of these is one function.

A shape says nothing new and takes nothing away: whatever shape a conversation has, its names are the same.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple

from tests.support.hello import ACK, FIN, PSH, SYN, ip_packet
from tests.support.talk import Talk

CLIENT, SERVER = "192.0.2.10", "198.51.100.20"
CLIENT6, SERVER6 = "2001:db8::10", "2001:db8:1::20"
Segment = tuple[int, bytes]  # offset in the stream, and what is there
Cut = Callable[[bytes, random.Random], list[Segment]]


class Shape(NamedTuple):
    """How a conversation crosses the wire."""

    cut: Cut
    syn: bool = True
    version: int = 4
    fragment: int = 0  # bytes in an IP fragment
    fragment_order: int = 1  # -1: last first
    datagram_order: int = 1


def packets(talk: Talk, number: int, shape: Shape, seed: int = 0) -> list[bytes]:
    """The IP packets of *talk*, between ends that no other number has."""
    ends = Ends(number, shape.version)
    rng = random.Random(seed * 10_000 + number)
    found = _udp(talk, ends, shape) if talk.transport == "udp" else _tcp(talk, ends, shape, rng)
    if shape.fragment:
        found = [piece for packet in found for piece in fragments(packet, shape.fragment)[:: shape.fragment_order]]
    return found


class Ends:
    """A client's port and the two addresses."""

    def __init__(self, number: int, version: int) -> None:
        client, server = (CLIENT, SERVER) if version == 4 else (CLIENT6, SERVER6)
        self.client = str(ip_address(client) + number % 50)
        self.server = str(ip_address(server) + number % 50)
        self.port = 30000 + number
        self.identity = number

    def up(self, protocol: int, body: bytes) -> bytes:
        return ip_packet(self.client, self.server, protocol, body)

    def down(self, protocol: int, body: bytes) -> bytes:
        return ip_packet(self.server, self.client, protocol, body)


def _udp(talk: Talk, ends: Ends, shape: Shape) -> list[bytes]:
    asked, told = list(talk.client), list(talk.server)
    if talk.in_turn:
        turns = [(True, asked[0]), (False, told[0]), (True, asked[1])]
    else:
        turns = [(True, one) for one in asked[:: shape.datagram_order]] + [(False, one) for one in told]
    found = []
    for up, payload in turns:
        ports = (ends.port, talk.port) if up else (talk.port, ends.port)
        body = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
        found.append(ends.up(17, body) if up else ends.down(17, body))
    return found


def _tcp(talk: Talk, ends: Ends, shape: Shape, rng: random.Random) -> list[bytes]:
    ports = (ends.port, talk.port)
    up, down = _Stream(ports, rng.randrange(1 << 32)), _Stream(ports[::-1], rng.randrange(1 << 32))
    found = []
    if shape.syn:
        found += [ends.up(6, up.segment(-1, b"", SYN, None)), ends.down(6, down.segment(-1, b"", SYN | ACK, up))]
        found.append(ends.up(6, up.segment(0, b"", ACK, down)))
    for turn in range(max(len(talk.client), len(talk.server))):
        for stream, other, messages, send in (up, down, talk.client, ends.up), (down, up, talk.server, ends.down):
            if turn < len(messages):
                pieces = shape.cut(messages[turn], rng)
                found += [send(6, stream.segment(stream.sent + at, piece, ACK | PSH, other)) for at, piece in pieces]
                stream.sent += len(messages[turn])
    return [*found, ends.up(6, up.segment(up.sent, b"", ACK | FIN, down))]


class _Stream:
    """One direction; *sent* is how far it has come, which the other one acknowledges."""

    def __init__(self, ports: tuple[int, int], start: int) -> None:
        self._ports, self._start = ports, start
        self.sent = 0

    def seq(self, offset: int) -> int:
        return (self._start + 1 + offset) & 0xFFFFFFFF

    def segment(self, offset: int, data: bytes, flags: int, other: _Stream | None) -> bytes:
        ack = 0 if other is None else other.seq(other.sent)
        return struct.pack("!HHIIBBHHH", *self._ports, self.seq(offset), ack, 0x50, flags, 8192, 0, 0) + data


def fragments(packet: bytes, size: int) -> list[bytes]:
    """*packet* in fragments of at most *size* payload bytes (a multiple of 8)."""
    if packet[0] >> 4 == 4:
        head, body = packet[:20], packet[20:]
    else:
        head, body = packet[:40], packet[40:]
    if len(body) <= size:
        return [packet]
    identity = struct.unpack_from("!I", body, 0)[0] ^ len(body) * 2654435761 & 0xFFFFFFFF
    found = []
    for at in range(0, len(body), size):
        more = at + size < len(body)
        piece = body[at : at + size]
        if len(head) == 20:
            where = at // 8 | 0x2000 * more
            new = head[:2] + struct.pack("!HHH", 20 + len(piece), identity & 0xFFFF, where) + head[8:]
            found.append(new + piece)
        else:
            extension = struct.pack("!BBHI", head[6], 0, at | more, identity)
            new = head[:4] + struct.pack("!HB", 8 + len(piece), 44) + head[7:]
            found.append(new + extension + piece)
    return found


def whole(data: bytes, _rng: random.Random) -> list[Segment]:
    """Segments as a host sends them."""
    return _cut(data, 1400)


def small(data: bytes, _rng: random.Random) -> list[Segment]:
    return _cut(data, 100)


def tiny(data: bytes, _rng: random.Random) -> list[Segment]:
    return _cut(data, 24)


def random_order(data: bytes, rng: random.Random) -> list[Segment]:
    pieces = _cut(data, 100)
    rng.shuffle(pieces)
    return pieces


def last_first(data: bytes, _rng: random.Random) -> list[Segment]:
    """Small pieces; the last of each message comes before the others."""
    pieces = _cut(data, 100)
    return pieces[-1:] + pieces[:-1]


def reversed_order(data: bytes, _rng: random.Random) -> list[Segment]:
    return _cut(data, 100)[::-1]


def duplicated(data: bytes, rng: random.Random) -> list[Segment]:
    return [piece for one in _cut(data, 100) for piece in [one] * rng.choice((1, 2, 3))]


def overlapping(data: bytes, _rng: random.Random) -> list[Segment]:
    """Each piece repeats the end of the one before it, as retransmissions of another size do."""
    return [(max(0, at - 30), data[max(0, at - 30) : at + 100]) for at in range(0, len(data), 100)]


def _cut(data: bytes, size: int) -> list[Segment]:
    return [(at, data[at : at + size]) for at in range(0, len(data), size)]


SHAPES: dict[str, Shape] = {
    "plain": Shape(whole),
    "plain, IPv6": Shape(whole, version=6),
    "small segments": Shape(small),
    "tiny segments": Shape(tiny),
    "random order": Shape(random_order),
    "last piece first": Shape(last_first, datagram_order=-1),
    "reversed": Shape(reversed_order, version=6, datagram_order=-1),
    "duplicated": Shape(duplicated),
    "overlapping": Shape(overlapping),
    "no handshake": Shape(small, syn=False),
    "no handshake, last first": Shape(last_first, syn=False),
    "fragments": Shape(whole, fragment=80),
    "fragments, last first": Shape(whole, fragment=80, fragment_order=-1),
    "fragments, IPv6": Shape(whole, fragment=80, version=6),
    "small and fragments": Shape(last_first, fragment=56, fragment_order=-1),
}
