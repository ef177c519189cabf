"""Makes the captures that the benchmark reads: look-ups, TLS and QUIC hellos, a gateway's mix, hours of it for a hunt.

Plain struct, so that a million packets take seconds; addresses for documentation and benchmarks (RFC 2544); the same
bytes at every run.
"""

from __future__ import annotations

import random
import ssl
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.support.hello import client_hello, crypto_frame, quic_initial

FILE_HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
ETHERNET = bytes.fromhex("020000000001020000000002") + b"\x08\x00"
FLAGGED = ("chat.qwen.ai", "api.deepseek.com", "dashscope.aliyuncs.com", "oapi.dingtalk.com")
FLAGGED_SHARE = 0.01
FIN, SYN, ACK, PSH = 1, 2, 16, 8
START_NS = 1_767_225_600_000_000_000
STEP_NS = 2_000
QUIC_SHARE = 0.3  # of a gateway's connections
HUNT_STEP_NS = 5_000_000  # some hours in a few million packets: what waits for its time gets there


def _ip(source: int, destination: int, protocol: int, body: bytes) -> bytes:
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0, source, destination)
    return ETHERNET + head + body


def tcp_segment(
    source: int,
    destination: int,
    port: int,
    seq: int,
    flags: int,
    payload: bytes = b"",
    *,
    back: bool = False,
    ack: int = 1,
    service: int = 443,
) -> bytes:
    ports = (service, port) if back else (port, service)
    ends = (destination, source) if back else (source, destination)
    return _ip(*ends, 6, struct.pack("!HHIIBBHHH", *ports, seq, ack, 0x50, flags, 8192, 0, 0) + payload)


def udp_datagram(source: int, destination: int, sport: int, dport: int, payload: bytes) -> bytes:
    return _ip(source, destination, 17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload)


def _name(chance: random.Random) -> str:
    """Few names are asked for often and many seldom."""
    return chance.choice(FLAGGED) if chance.random() < FLAGGED_SHARE else _plain_name(chance)


def _plain_name(chance: random.Random) -> str:
    rank = int(chance.paretovariate(0.6)) % 1_000_000
    return f"w{rank}.site{rank % 977}.example"


def labels(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


_REST = bytes(1384)  # of a full segment


class Bulk(Protocol):
    """Makes one packet of a connection that runs."""

    def __call__(self, client: int, server: int, port: int, chance: random.Random, *, back: bool) -> bytes:
        """Towards the client if *back*."""
        ...


class Network(NamedTuple):
    """Who talks to whom: flagged names have addresses of their own, as they have in life."""

    clients: tuple[int, int] = (0xC0000201, 254)  # 192.0.2.0/24: the first, and how many
    servers: tuple[int, int] = (0xCB00710A, 245)  # 203.0.113.0/24
    resolver: int = 0xC6336435  # 198.51.100.53

    def client(self, chance: random.Random) -> int:
        return self.clients[0] + chance.randrange(self.clients[1])

    def server(self, name: str, chance: random.Random) -> int:
        return (
            0xCB007101 + FLAGGED.index(name) if name in FLAGGED else self.servers[0] + chance.randrange(self.servers[1])
        )


SMALL = Network()
WIDE = Network(clients=(0xC6120001, 5_000), servers=(0xC6130001, 60_000))  # 198.18.0.0/15


def _hello(name: str) -> bytes:
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.wrap_bio(inward, outward, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        return outward.read()
    raise AssertionError("a handshake without a server ended")


def _extended(hello: bytes, kind: int, data: bytes) -> bytes:
    """The hello with one more extension, all lengths grown by it."""
    extension = struct.pack("!HH", kind, len(data)) + data
    session = hello[43]
    suites = 44 + session
    methods = suites + 2 + int.from_bytes(hello[suites : suites + 2])
    extensions = methods + 1 + hello[methods]
    grown = bytearray(hello + extension)
    for at, width in ((3, 2), (6, 3), (extensions, 2)):
        grown[at : at + width] = (int.from_bytes(grown[at : at + width]) + len(extension)).to_bytes(width)
    return bytes(grown)


def _post_quantum(hello: bytes) -> bytes:
    """The hello with an unknown extension as large as a post-quantum key share."""
    return _extended(hello, 0x2A2A, bytes(1216))


def _greased(hello: bytes, chance: random.Random) -> bytes:
    """The hello with noise in the place of Encrypted Client Hello, as browsers send it (RFC 9849 section 6.2)."""
    head = struct.pack("!BHHBH", 0, 1, 1, chance.randrange(256), 32)
    return _extended(hello, 0xFE0D, head + chance.randbytes(32) + struct.pack("!H", 176) + chance.randbytes(176))


def dns(chance: random.Random, network: Network = SMALL) -> Iterator[bytes]:
    while True:
        name, client, number = _name(chance), network.client(chance), chance.randrange(65536)
        question = labels(name) + b"\0\1\0\1"
        port, resolver = chance.randrange(20_000, 60_000), network.resolver
        yield udp_datagram(client, resolver, port, 53, struct.pack("!HHHHHH", number, 0x100, 1, 0, 0, 0) + question)
        answer = b"\xc0\x0c" + struct.pack("!HHIHI", 1, 1, 60, 4, network.server(name, chance))
        yield udp_datagram(
            resolver, client, 53, port, struct.pack("!HHHHHH", number, 0x8180, 1, 1, 0, 0) + question + answer
        )


def tls(chance: random.Random) -> Iterator[bytes]:
    """Connections that say hello, half of them with a post-quantum key share, and nothing else."""
    for _, segments in tls_connections(chance):
        yield from segments


def tls_connections(
    chance: random.Random, network: Network = SMALL, *, greased: bool = False
) -> Iterator[tuple[tuple[int, int, int], list[bytes]]]:
    """The ends of one connection after the other, and its first segments."""
    names = [*FLAGGED, *(_plain_name(chance) for _ in range(400))]
    plain = {name: _greased(_hello(name), chance) if greased else _hello(name) for name in names}
    shapes = {name: (hello, _post_quantum(hello)) for name, hello in plain.items()}
    while True:
        name = chance.choice(names[: len(FLAGGED)] if chance.random() < FLAGGED_SHARE else names[len(FLAGGED) :])
        hello = chance.choice(shapes[name])
        client, server, port = network.client(chance), network.server(name, chance), chance.randrange(20_000, 60_000)
        seq = chance.randrange(1 << 31)
        yield (
            (client, server, port),
            [
                tcp_segment(client, server, port, seq, SYN, ack=0),
                tcp_segment(client, server, port, 9, SYN | ACK, back=True, ack=seq + 1),
                tcp_segment(client, server, port, seq + 1, ACK, ack=10),
                *(
                    tcp_segment(client, server, port, seq + 1 + at, ACK | PSH, hello[at : at + 1400], ack=10)
                    for at in range(0, len(hello), 1400)
                ),
            ],
        )


_TYPE_A, _TYPE_CNAME, _TYPE_SOA, _TYPE_AAAA, _TYPE_HTTPS = 1, 5, 6, 28, 65
_ASKED = b"\xc0\x0c"
_ADDRESSES = {_TYPE_A: b"\xcb\0\x71\x07", _TYPE_AAAA: b"\x20\1\x0d\xb8" + bytes(11) + b"\7"}
_BINDING = b"\0\1\0" + b"\0\1\0\6\2h3\2h2" + b"\0\4\0\4\xcb\0\x71\7" + b"\0\6\0\x10" + _ADDRESSES[_TYPE_AAAA]


def _record(owner: bytes, kind: int, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def _answer(name: str, kind: int, chance: random.Random) -> bytes:
    """The rest of a response behind its id: half of the addresses come through an alias, and often there is nothing."""
    question = labels(name) + struct.pack("!HH", kind, 1)
    if chance.random() < {_TYPE_A: 0, _TYPE_AAAA: 0.4, _TYPE_HTTPS: 0.75}[kind]:
        zone = struct.pack("!H", 0xC000 | 13 + question[0])
        records = [_record(zone, _TYPE_SOA, b"\2ns" + zone + b"\4host" + zone + bytes(20))]
        return struct.pack("!HHHHH", 0x8180, 1, 0, 1, 0) + question + records[0]
    records = [_record(_ASKED, kind, _ADDRESSES.get(kind, _BINDING))]
    if kind in _ADDRESSES and chance.random() < 0.5:
        edge = struct.pack("!H", 0xC000 | 12 + len(question) + 12)
        records = [_record(_ASKED, _TYPE_CNAME, labels("edge.cdn.example")), _record(edge, kind, _ADDRESSES[kind])]
    return struct.pack("!HHHHH", 0x8180, 1, len(records), 0, 0) + question + b"".join(records)


def browsing(chance: random.Random, network: Network = SMALL) -> Iterator[bytes]:
    """What browsers do for a page: look up both kinds of addresses and HTTPS records, and say a hello with GREASE."""
    connections = tls_connections(chance, network, greased=True)
    known: dict[tuple[str, int], bytes] = {}
    while True:
        name, client = _name(chance), network.client(chance)
        for kind in (_TYPE_A, _TYPE_AAAA, _TYPE_HTTPS):
            answer = known.setdefault((name, kind), _answer(name, kind, chance))
            number, port = chance.randbytes(2), chance.randrange(20_000, 60_000)
            question = struct.pack("!HHHHH", 0x100, 1, 0, 0, 0) + labels(name) + struct.pack("!HH", kind, 1)
            yield udp_datagram(client, network.resolver, port, 53, number + question)
            yield udp_datagram(network.resolver, client, 53, port, number + answer)
        yield from next(connections)[1]


def quic(chance: random.Random, network: Network = SMALL) -> Iterator[bytes]:
    """QUIC connections: their first flights, and three packets that nobody on the way can read."""
    for ends, datagrams in quic_connections(chance, network):
        yield from datagrams
        for _ in range(3):
            yield quic_bulk(*ends, chance, back=True, size=200)


def quic_connections(
    chance: random.Random, network: Network = SMALL
) -> Iterator[tuple[tuple[int, int, int], list[bytes]]]:
    """The ends of one connection after the other, and its first flights, their Initials sealed with real keys.

    Half of the hellos are in two of those. The server's Initial shares its datagram with the first of what only the two
    ends can read, of which there is one datagram more; so does the client's answer.
    """
    while True:
        name = _name(chance)
        client, server, port = network.client(chance), network.server(name, chance), chance.randrange(20_000, 60_000)
        dcid, scid = chance.randbytes(8), chance.randbytes(8)
        hello = client_hello(name.encode(), key_share=chance.choice((32, 1216)))
        datagrams = []
        for number, at in enumerate(range(0, len(hello), 1000)):
            initial = quic_initial(crypto_frame(at, hello[at : at + 1000]), dcid=dcid, number=number)
            datagrams.append(udp_datagram(client, server, port, 443, initial))
        back = quic_initial(_ACKED, dcid=b"", scid=scid, key_dcid=dcid, server=True, size=180)
        for start, size in ((back, 1000), (b"", 1180)):
            sealed = start + _handshake_packet(b"", scid, chance.randbytes(size))
            datagrams.append(udp_datagram(server, client, 443, port, sealed))
        onward = quic_initial(_ACKED, dcid=scid, key_dcid=dcid, number=9, size=1100)
        onward += _handshake_packet(scid, b"", chance.randbytes(80))
        datagrams.append(udp_datagram(client, server, port, 443, onward))
        yield (client, server, port), datagrams


_ACKED = b"\x02\0\0\0\0"  # an ACK frame


def _handshake_packet(dcid: bytes, scid: bytes, sealed: bytes) -> bytes:
    head = b"\xe1\0\0\0\1" + bytes([len(dcid)]) + dcid + bytes([len(scid)]) + scid
    return head + struct.pack("!H", 0x4000 | len(sealed)) + sealed


def quic_bulk(
    client: int, server: int, port: int, chance: random.Random, *, back: bool, size: int | None = None
) -> bytes:
    """A packet behind the handshake: one bit is set, the rest looks like noise. Most of a client's are short."""
    noise = bytes([0x40 | chance.randrange(64)]) + chance.randbytes(39)
    sealed = noise + bytes(max(0, (size or (1280 if back or chance.random() < 0.2 else 40)) - len(noise)))
    return udp_datagram(server, client, 443, port, sealed) if back else udp_datagram(client, server, port, 443, sealed)


_CURL = "User-Agent: curl/8.5.0\r\nAccept: */*\r\n"
_BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nReferer: http://{name}/\r\nCookie: id={number}\r\n"
    "Upgrade-Insecure-Requests: 1\r\nPriority: u=0, i\r\n"
)


def _request(name: str, chance: random.Random) -> bytes:
    """As curl or a browser asks; one in ten sends something along."""
    number = chance.randrange(1 << 32)
    fields = chance.choice((_CURL, _BROWSER)).format(name=name, number=number)
    if chance.random() < 0.9:
        return f"GET /w{number}.html HTTP/1.1\r\nHost: {name}\r\n{fields}\r\n".encode()
    body = bytes(chance.randrange(1, 600))
    return f"POST /w{number} HTTP/1.1\r\nHost: {name}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _page(client: int, server: int, port: int, name: str, chance: random.Random) -> Iterator[bytes]:
    """A connection of one to eight requests, each with its response of one to six segments."""
    seq, ack = chance.randrange(1 << 31), chance.randrange(1 << 31)

    def segment(flags: int, payload: bytes = b"", *, back: bool = False) -> bytes:
        numbers = (ack, seq) if back else (seq, ack)
        return tcp_segment(client, server, port, numbers[0], flags, payload, back=back, ack=numbers[1], service=80)

    yield segment(SYN)
    seq += 1
    yield segment(SYN | ACK, back=True)
    ack += 1
    yield segment(ACK)
    for _ in range(chance.randrange(1, 9)):
        asked = _request(name, chance)
        yield segment(ACK | PSH, asked)
        seq += len(asked)
        body = bytes(1400 * chance.randrange(6) + 700)
        told = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        for at in range(0, len(told), 1400):
            yield segment(ACK, told[at : at + 1400], back=True)
            ack += len(told[at : at + 1400])
        yield segment(ACK)
    yield segment(ACK | FIN)
    seq += 1
    yield segment(ACK | FIN, back=True)


def http(chance: random.Random, network: Network = SMALL) -> Iterator[bytes]:
    """Pages of plain HTTP, 40 connections at a time."""
    running: list[Iterator[bytes]] = []
    while True:
        while len(running) < 40:
            name, port = _name(chance), chance.randrange(20_000, 60_000)
            running.append(_page(network.client(chance), network.server(name, chance), port, name, chance))
        at = chance.randrange(len(running))
        frame = next(running[at], None)
        if frame is None:
            del running[at]
        else:
            yield frame


def distinct(chance: random.Random) -> Iterator[bytes]:
    """A flood of names none of which comes twice."""
    for number in count():
        question = labels(f"x{number}.{chance.randrange(1 << 32):x}.example") + b"\0\1\0\1"
        header = struct.pack("!HHHHHH", number & 0xFFFF, 0x100, 1, 0, 0, 0)
        yield udp_datagram(SMALL.client(chance), 0xC6336435, chance.randrange(20_000, 60_000), 53, header + question)


def mix(chance: random.Random, network: Network = SMALL) -> Iterator[bytes]:
    """97 % bulk of 400 connections at a time; of the rest half look-ups, half beginnings of connections.

    Of the connections, and so of the bulk, three in ten are QUIC.
    """
    names, hellos, quics = dns(chance, network), tls_connections(chance, network), quic_connections(chance, network)
    running: deque[tuple[Bulk, tuple[int, int, int]]] = deque(maxlen=400)
    while True:
        if chance.random() < 0.03 or not running:
            if chance.random() < 0.5:
                yield next(names)
                continue
            is_quic = chance.random() < QUIC_SHARE
            ends, packets = next(quics if is_quic else hellos)
            running.append((quic_bulk if is_quic else tcp_bulk, ends))
            yield from packets
        else:
            bulk, ends = chance.choice(running)
            yield bulk(*ends, chance, back=chance.random() < 0.9)


def tcp_bulk(client: int, server: int, port: int, chance: random.Random, *, back: bool) -> bytes:
    """A full segment, which begins anywhere in what is encrypted."""
    return tcp_segment(client, server, port, chance.randrange(1 << 31), ACK, chance.randbytes(16) + _REST, back=back)


def midflow(chance: random.Random, network: Network = SMALL) -> Iterator[bytes]:
    """Full segments of 400 connections that began before anybody looked, nine in ten of them the server's."""
    ends = [(network.client(chance), network.server("", chance), 20_000 + number) for number in range(400)]
    got = {(number, back): chance.randrange(1 << 31) for number in range(400) for back in (True, False)}
    while True:
        number, back = chance.randrange(400), chance.random() < 0.9
        seq, got[number, back] = got[number, back], got[number, back] + 1400 & 0xFFFFFFFF
        yield tcp_segment(*ends[number], seq, ACK, chance.randbytes(1400), back=back)


def hunt(chance: random.Random) -> Iterator[bytes]:
    """A gateway's mix of thousands of clients, and connections that say no name."""
    mixed = mix(chance, WIDE)
    while True:
        yield from islice(mixed, 200)
        client, server, port = WIDE.client(chance), WIDE.server("", chance), chance.randrange(20_000, 60_000)
        yield tcp_segment(client, server, port, 0, SYN)
        yield tcp_segment(client, server, port, 9, SYN | ACK, back=True)
        yield tcp_segment(client, server, port, 1, ACK | PSH, chance.randbytes(64))


WORKLOADS: dict[str, Callable[[random.Random], Iterator[bytes]]] = {
    "dns": dns,
    "tls": tls,
    "mix": mix,
    "distinct": distinct,
    "quic": quic,
    "browsing": browsing,
    "http": http,
    "midflow": midflow,
    "hunt": hunt,
}


def write(path: Path, workload: str, packets: int) -> int:
    """Write *packets* packets of *workload* to *path*; its size in bytes."""
    step_ns = HUNT_STEP_NS if workload == "hunt" else STEP_NS
    return write_frames(path, islice(WORKLOADS[workload](random.Random(workload)), packets), step_ns)


def write_frames(path: Path, frames: Iterable[bytes], step_ns: int = STEP_NS) -> int:
    """Write *frames* to *path* as a capture; its size in bytes."""
    time_ns = START_NS
    with path.open("wb") as file:
        file.write(FILE_HEADER)
        for frame in frames:
            time_ns += step_ns
            file.write(struct.pack("<IIII", *divmod(time_ns, 1_000_000_000), len(frame), len(frame)) + frame)
    return path.stat().st_size
