"""A network where what one machine does has to do with what another one does; frames with times of their own."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

import dns.message
import dns.rrset

from tests.support.hello import ACK, SYN, client_hello, crypto_frame, ip_packet, openssl_hello, quic_initial
from tests.support.jumbles import ethernet, jumble

RESOLVERS = ("192.0.2.53", "198.51.100.53")
CLIENTS = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1")
SERVERS = ("203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4")
HTTPDNS = "203.107.1.33"
NAMES = ("www.example.org", "chat.qwen.ai", "n3.tls.example", "n6.tls.example")  # all but the first are flagged


def frames(seed: int, talks: int) -> list[tuple[int, bytes]]:
    """When each came, and what it was."""
    chance = random.Random(seed)
    step_ns = chance.choice((1_000, 40_000_000, 700_000_000))
    steps = (*(0,) * 40, -(10**9) * chance.choice((0, 0, 1)), 7 * 10**9, -(90 * 10**9), 130 * 10**9)
    waiting = [list(_talk(chance)) for _ in range(talks)] + [jumble(chance, 6)]
    found, time_ns = [], 1_700_000_000_000_000_000
    while waiting:
        one = chance.choice(waiting)
        found.append((time_ns, _changed(one.pop(0), chance)))
        if not one:
            waiting.remove(one)
        time_ns += chance.randrange(step_ns) + chance.choice(steps)
    return found


def _changed(frame: bytes, chance: random.Random) -> bytes:
    """Some have a tag, some are cut off."""
    match chance.randrange(30):
        case 0:
            return frame[:12] + b"\x81\0\0\x07" + frame[12:]
        case 1:
            return frame[: chance.randrange(len(frame))]
        case _:
            return frame


def _talk(chance: random.Random) -> Iterator[bytes]:
    client, at, name = chance.choice(CLIENTS), chance.randrange(4), chance.choice(NAMES)
    server, port = (
        SERVERS[at] if client[0] == "1" else f"2001:db8:1::{at}",
        300 if chance.random() < 0.01 else chance.choice((40_000, 40_001)),
    )
    match chance.choice((0, 0, 0, 2, 2, 4, 4, 4, 6, 6, 7, 7, 7, 8, 8, 8, 9, 3 if chance.random() < 0.1 else 7)):
        case 0:
            yield from _lookup(chance, client, server, name)
        case 2:  # a resolver of one's own asks another
            yield from _lookup(chance, RESOLVERS[0], SERVERS[at], name, resolver=RESOLVERS[1])
        case 3:  # a machine that others connect to connects itself
            yield from _connection(chance, CLIENTS[1], CLIENTS[2], 40_002, name)
        case 4:
            yield from _quic(chance, client, server, port, name)
        case 6:
            yield from _connection(chance, client, server, port, None)
        case 8:
            yield from _httpdns(chance, CLIENTS[0], SERVERS[at], port, name)
        case 9:  # what is not expected there
            yield from _connection(chance, CLIENTS[0], HTTPDNS, port, name, 80)
        case _:
            yield from _connection(chance, client, server, port, name)


def _lookup(chance: random.Random, client: str, server: str, name: str, resolver: str | None = None) -> Iterator[bytes]:
    to = resolver or chance.choice(RESOLVERS) if client[0] == "1" else "2001:db8::53"
    question = dns.message.make_query(name, "A", id=chance.randrange(9))
    answer = dns.message.make_response(question)
    if server[0] == "2":
        answer.answer.append(dns.rrset.from_text(name + ".", 60, "IN", "AAAA" if ":" in server else "A", server))
    for ends, ports, wire in (((client, to), (5_555, 53), question), ((to, client), (53, 5_555), answer)):
        yield _datagram(*ends, *ports, wire.to_wire())


def _datagram(source: str, destination: str, sport: int, dport: int, payload: bytes) -> bytes:
    return ethernet(
        ip_packet(source, destination, 17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload)
    )


def _httpdns(chance: random.Random, client: str, server: str, port: int, name: str) -> Iterator[bytes]:
    body = b'{"host":"%s","ips":["%s"],"ttl":60}' % (name.encode(), server.encode())
    request = b"GET /100000/d?host=%s HTTP/1.1\r\nHost: 203.107.1.33\r\n\r\n" % name.encode()
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    yield from _connection(chance, client, HTTPDNS, port, None, 80, request, reply)


def _connection(
    chance: random.Random,
    client: str,
    server: str,
    port: int,
    name: str | None,
    to: int = 443,
    said: bytes = b"SSH-2.0-x\r\n",
    reply: bytes = bytes(900),
) -> Iterator[bytes]:
    seq, data = chance.randrange(1 << 32), said if name is None else openssl_hello(name)

    def segment(number: int, ack: int, flags: int, payload: bytes = b"", *, back: bool = False) -> bytes:
        ports, ends = ((to, port), (server, client)) if back else ((port, to), (client, server))
        header = struct.pack("!HHIIBBHHH", *ports, number & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 9, 0, 0)
        return ethernet(ip_packet(*ends, 6, header + payload))

    if chance.random() < 0.8:
        yield segment(seq, 0, SYN)
        yield segment(99, seq + 1, SYN | ACK, back=True)
    yield segment(seq + 1, 100, ACK, data)
    for number in range(chance.randrange(5)):
        yield segment(100 + len(reply) * number, seq + 1 + len(data), ACK, reply, back=True)
        yield segment(seq + 1 + len(data), 100 + len(reply) * (number + 1), ACK)


def _quic(chance: random.Random, client: str, server: str, port: int, name: str) -> Iterator[bytes]:
    dcid, hello = chance.randbytes(8), client_hello(name.encode(), key_share=chance.choice((32, 1216)))
    for number, at in enumerate(range(0, len(hello), 1000)):
        initial = quic_initial(crypto_frame(at, hello[at : at + 1000]), dcid=dcid, number=number)
        yield _datagram(client, server, port, 443, initial)
    for _ in range(chance.randrange(4)):
        yield _datagram(server, client, 443, port, b"\x40" + chance.randbytes(200))
        yield _datagram(client, server, port, 443, b"\x40" + chance.randbytes(90))
