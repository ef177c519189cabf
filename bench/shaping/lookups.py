"""Look-ups in all shapes but the plainest."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from itertools import count, islice

from bench.shaping.frames import Frames, Talk, ip
from bench.workloads import SMALL, labels, udp_datagram

_A, _NS, _CNAME, _SOA, _PTR, _MX, _TXT, _AAAA, _SRV, _DS, _RRSIG, _HTTPS = 1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 46, 65
_ASKED = b"\xc0\x0c"
_OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)

# From a name its question's type, and what stands behind the question of an answer: flags, numbers of records, these.
Answer = tuple[int, int, tuple[int, int, int], bytes]
Make = Callable[[bytes, random.Random], Answer]


def record(owner: bytes, kind: int, data: bytes, ttl: int = 60) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def name_of(chance: random.Random) -> str:
    rank = int(chance.paretovariate(0.6)) % 1_000_000
    return f"w{rank}.site{rank % 977}.example"


def address(chance: random.Random) -> bytes:
    return SMALL.server("", chance).to_bytes(4)


def message(
    name: bytes, kind: int, flags: int, counts: tuple[int, int, int], records: bytes, chance: random.Random
) -> bytes:
    head = chance.randbytes(2) + struct.pack("!HHHHH", flags, 1, *counts)
    return head + name + struct.pack("!HH", kind, 1) + records


def asked(make: Make, chance: random.Random, *, option: bytes = b"", mixed: bool = False) -> Frames:
    """Questions and answers over UDP, one in twenty the plainest; EDNS has *option*, letters are *mixed*."""
    extra = b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option if option else b""
    for number in count():
        text = name_of(chance)
        name = labels("".join(chance.choice((c, c.upper())) for c in text) if mixed else text)
        kind, flags, (answers, others, more), records = (one if number % 20 == 0 else make)(name, chance)
        client, port = SMALL.client(chance), chance.randrange(20_000, 60_000)
        question = message(name, kind, 0x100, (0, 0, int(bool(extra))), extra, chance)
        answer = message(name, kind, flags, (answers, others, more + bool(extra)), records + extra, chance)
        yield udp_datagram(client, SMALL.resolver, port, 53, question)
        yield udp_datagram(SMALL.resolver, client, 53, port, question[:2] + answer[2:])


def one(_name: bytes, chance: random.Random) -> Answer:
    return _A, 0x8180, (1, 0, 0), record(_ASKED, _A, address(chance))


def many(_name: bytes, chance: random.Random) -> Answer:
    return _A, 0x8180, (20, 0, 0), b"".join(record(_ASKED, _A, address(chance)) for _ in range(20))


def referred(name: bytes, chance: random.Random) -> Answer:
    """As a resolver is sent on: servers of a zone, and their addresses."""
    zone = struct.pack("!H", 0xC000 | 13 + name[0])
    servers = b"".join(record(zone, _NS, bytes([3]) + b"ns%d" % number + zone) for number in range(2))
    at = 12 + len(name) + 4 + 12
    glue = b"".join(record(struct.pack("!H", 0xC000 | at + number * 18), _A, address(chance)) for number in range(2))
    return _A, 0x8000, (0, 2, 2), servers + glue


def signed(_name: bytes, chance: random.Random) -> Answer:
    """With its signature of 256 bytes."""
    signature = struct.pack("!HBBIIIH", _A, 8, 2, 60, 2_000_000_000, 1_700_000_000, 7) + b"\7example\0"
    signature += chance.randbytes(256)
    return _A, 0x81A0, (2, 0, 1), record(_ASKED, _A, address(chance)) + record(_ASKED, _RRSIG, signature) + _OPT


def denied(name: bytes, chance: random.Random) -> Answer:
    """NXDOMAIN, without a signature."""
    zone = struct.pack("!H", 0xC000 | 13 + name[0])
    kind = chance.choice((_A, _AAAA, _HTTPS))
    return kind, 0x8183, (0, 1, 0), record(zone, _SOA, b"\2ns" + zone + b"\4host" + zone + bytes(20))


def other(name: bytes, chance: random.Random) -> Answer:
    """What mail and directories ask for."""
    kind = chance.choice((_MX, _TXT, _SRV, _NS))
    data = {
        _MX: b"\0\x0a\2mx" + _ASKED,
        _TXT: b"\x16v=spf1 include:example",
        _SRV: b"\0\0\0\5\x01\xbb" + name,
        _NS: b"\2ns" + _ASKED,
    }[kind]
    return kind, 0x8180, (1, 0, 0), record(_ASKED, kind, data)


def cut(_name: bytes, _chance: random.Random) -> Answer:
    return _A, 0x8380, (0, 0, 0), b""


def reverse(chance: random.Random) -> Frames:
    """What an address is called."""
    plain = asked(one, chance)
    while True:
        yield from islice(plain, 2 * (chance.random() < 0.05))
        client, port = SMALL.client(chance), chance.randrange(20_000, 60_000)
        octets = ".".join(str(chance.randrange(256)) for _ in range(4))
        name = labels(octets + ".in-addr.arpa")
        question = message(name, _PTR, 0x100, (0, 0, 0), b"", chance)
        answer = message(name, _PTR, 0x8180, (1, 0, 0), record(_ASKED, _PTR, labels(name_of(chance))), chance)
        yield udp_datagram(client, SMALL.resolver, port, 53, question)
        yield udp_datagram(SMALL.resolver, client, 53, port, question[:2] + answer[2:])


def local(chance: random.Random, port: int, group: int) -> Frames:
    """Who is called what on the link: mDNS (5353), LLMNR (5355), NetBIOS (137)."""
    while True:
        client = SMALL.client(chance)
        name = labels(f"printer{chance.randrange(100)}.local") if port != 137 else b"\x20" + b"EB" * 16 + b"\0"
        kind = chance.choice((_A, _PTR, _SRV)) if port != 137 else 32
        yield udp_datagram(client, group, port, port, message(name, kind, 0, (0, 0, 0), b"", chance))
        answer = record(_ASKED, _A, client.to_bytes(4), 120)
        yield udp_datagram(client, group, port, port, message(name, _A, 0x8400, (1, 0, 0), answer, chance))


def over_tcp(chance: random.Random, *, after_udp: bool = False) -> Frames:
    """A connection for each question."""
    while True:
        name = labels(name_of(chance))
        question = message(name, _A, 0x100, (0, 0, 0), b"", chance)
        answer = question[:2] + message(name, _A, 0x8180, (1, 0, 0), record(_ASKED, _A, address(chance)), chance)[2:]
        talk = Talk(chance, 53)
        if after_udp:
            yield udp_datagram(talk.client, talk.server, talk.ports[0], 53, question)
            yield udp_datagram(talk.server, talk.client, 53, talk.ports[0], question[:2] + b"\x83\x80" + question[4:])
        yield from talk.opened()
        yield from talk.says(struct.pack("!H", len(question)) + question)
        yield from talk.hears(struct.pack("!H", len(answer)) + answer)
        yield from talk.ended()


def in_fragments(chance: random.Random) -> Frames:
    """Answers of 1,800 bytes, in two fragments each, and some of the plainest."""
    plain = asked(one, chance)
    while True:
        yield from islice(plain, 2 * (chance.random() < 0.05))
        name = labels(name_of(chance))
        client, port = SMALL.client(chance), chance.randrange(20_000, 60_000)
        question = message(name, _TXT, 0x100, (0, 0, 1), _OPT, chance)
        records = record(_ASKED, _TXT, b"".join(b"\xff" + chance.randbytes(255) for _ in range(7)))
        answer = question[:2] + message(name, _TXT, 0x8180, (1, 0, 1), records + _OPT, chance)[2:]
        yield udp_datagram(client, SMALL.resolver, port, 53, question)
        body = struct.pack("!HHHH", 53, port, 8 + len(answer), 0) + answer
        identity = chance.randrange(65536)
        yield ip(SMALL.resolver, client, 17, body[:1448], identity=identity, fragment=0x2000)
        yield ip(SMALL.resolver, client, 17, body[1448:], identity=identity, fragment=1448 // 8)


COOKIE = b"\0\x0a\0\x08" + b"12345678"
PADDING = b"\0\x0c\0\x30" + bytes(48)
SUBNET = b"\0\x08\0\x07\0\1\x18\0\xcb\0\x71"
