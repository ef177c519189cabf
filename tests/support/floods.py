"""Floods: endless frames that each want to be remembered for ever. Made from a number, so that none is like another."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from egret.model import Frame
from tests.support.hello import client_hello, crypto_frame, quic_initial, records

RAW_IP = 101
NANOSECONDS = 0xA1B23C4D  # the magic of a pcap file whose times are such
SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000_000_000_000
APART_NS = 20_000  # 50,000 packets a second: nothing gets old in the tables
_SERVER = b"\xcb\x00\x71\x07"
_HELLO = records(client_hello(b"flood.example", key_share=1216))
_QUERY = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0)
_RESPONSE = struct.pack("!HHHHHH", 7, 0x8180, 1, 1, 0, 0)


def _ip(number: int, protocol: int, body: bytes, *, fragment: int = 0, down: bool = False, identity: int = 1) -> bytes:
    client = b"\x0a" + (number & 0xFFFFFF).to_bytes(3)
    ends = _SERVER + client if down else client + _SERVER
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), identity, fragment, 64, protocol, 0) + ends + body


def _udp(number: int, port: int, payload: bytes, *, down: bool = False) -> bytes:
    own = 1024 + number % 60_000
    ports = (port, own) if down else (own, port)
    return _ip(number, 17, struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload, down=down)


def _tcp(number: int, port: int, payload: bytes, flags: int, seq: int = 1) -> bytes:
    head = struct.pack("!HHIIBBHHH", 1024 + number % 60_000, port, seq, 1, 0x50, flags, 8192, 0, 0)
    return _ip(number, 6, head + payload)


def _name(number: int) -> bytes:
    label = b"n%d" % number
    return bytes([len(label)]) + label + b"\x05flood\x07example\0"


def questions(number: int) -> list[bytes]:
    return [_udp(number, 53, _QUERY + _name(number) + b"\0\1\0\1")]


def answers(number: int) -> list[bytes]:
    record = b"\xc0\x0c\0\1\0\1\0\1\0\0\0\4\xcb\0" + (number & 0xFFFF).to_bytes(2)
    return [_udp(number, 53, _RESPONSE + _name(number) + b"\0\1\0\1" + record, down=True)]


def handshakes(number: int) -> list[bytes]:
    return [_tcp(number, 443, b"", 0x02, 0)]


def half_hellos(number: int) -> list[bytes]:
    return [_tcp(number, 443, b"", 0x02, 0), _tcp(number, 443, _HELLO[:1200], 0x18)]


def holes(number: int) -> list[bytes]:
    return [_tcp(number, 443, _HELLO[600:], 0x18, 601)]


def requests(number: int) -> list[bytes]:
    return [_tcp(number, 80, b"GET / HTTP/1.1\r\nHost: n%d.flood.example\r\n\r\n" % number, 0x18)]


def fragments(number: int) -> list[bytes]:
    return [_ip(number, 17, bytes(800), fragment=0x2000, identity=number & 0xFFFF)]


def connection_ids(number: int) -> list[bytes]:
    """QUIC Initials that no keys open, each with ids of its own, from ends of its own."""
    return [_udp(number, 443, _initial(number))]


def connection_ids_of_one_pair(number: int) -> list[bytes]:
    return [_udp(0, 443, _initial(number))]


def _initial(number: int) -> bytes:
    head = b"\xc3\0\0\0\1\x08" + number.to_bytes(8) + b"\x08" + number.to_bytes(8) + b"\0\x44\x88"
    return head + bytes(0x488)


def half_hellos_in_quic(number: int) -> list[bytes]:
    """Initials that open, of connections whose second Initial never comes. Sealing each takes most of the time."""
    return [_udp(number, 443, quic_initial(crypto_frame(0, _HELLO[5:905]), dcid=number.to_bytes(8)))]


def dns_streams(number: int) -> list[bytes]:
    return [_tcp(number, 53, b"\0\x40" + _QUERY, 0x18)]


def datagram_hellos(number: int) -> list[bytes]:
    """First fragments of DTLS hellos whose others never come."""
    body = b"\x01\x00\x02\x00\0\0\0\0\0\0\0\xc8" + bytes(200)
    return [_udp(number, 4433, b"\x16\xfe\xfd" + bytes(8) + struct.pack("!H", len(body)) + body)]


def preludes(number: int) -> list[bytes]:
    """Clients that never come to their STARTTLS."""
    return [_tcp(number, 25, b"EHLO n%d.flood.example\r\n" % number, 0x18)]


SINGLE: dict[str, Callable[[int], list[bytes]]] = {
    "questions": questions,
    "answers": answers,
    "handshakes": handshakes,
    "half hellos": half_hellos,
    "hellos with holes": holes,
    "requests": requests,
    "fragments": fragments,
    "connection ids": connection_ids,
    "connection ids of one pair": connection_ids_of_one_pair,
    "half hellos in QUIC": half_hellos_in_quic,
    "DNS over TCP": dns_streams,
    "DTLS hellos": datagram_hellos,
    "preludes": preludes,
}


def all_at_once(number: int) -> list[bytes]:
    """One thing of each flood, all between ends of their own: none helps another to its end."""
    first = number * len(SINGLE)
    return [data for own, make in enumerate(SINGLE.values(), first) for data in make(own)]


FLOODS = {**SINGLE, "all at once": all_at_once}


def flood(name: str, count: int) -> Iterator[Frame]:
    """The frames of *count* things of flood *name*."""
    make, time_ns = FLOODS[name], START_NS
    for number in range(count):
        for data in make(number):
            time_ns += APART_NS
            yield Frame(time_ns, RAW_IP, memoryview(data), len(data))


def write_flood(path: Path, name: str, count: int) -> None:
    """The same as a capture file."""
    with path.open("wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHiIII", NANOSECONDS, 2, 4, 0, 0, 1 << 16, RAW_IP))
        for frame in flood(name, count):
            seconds, rest_ns = divmod(frame.time_ns, SECOND_NS)
            file.write(struct.pack("<IIII", seconds, rest_ns, len(frame.data), frame.wire_length))
            file.write(frame.data)
