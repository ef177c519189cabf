"""Connections that cross each other, frames twice, lost and late; and how both gates fare with them."""

from __future__ import annotations

import base64
import os
import random
import struct
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType
from unittest.mock import patch

import dns.message
import dns.rrset

from egret.decode.plain_hello import first_of_plain, read_plain
from egret.track.tables import Memory, Remembered
from egret.track.waiting import Waiting, Waits
from egret.worker import engine, quick
from tests.support.gated import passed
from tests.support.hello import (
    ACK,
    FIN,
    RST,
    SYN,
    client_hello,
    ech_config,
    ech_outer,
    ip_packet,
    openssl_hello,
    records,
    vector,
)

STEPS_NS = (1_000, 30_000_000, 400_000_000, 1_100_000_000)
CLIENTS = ("192.0.2.1", "2001:db8::1")
SERVERS = (("198.51.100.1", "198.51.100.2", "198.51.100.3"), ("2001:db8::99", "2001:db8::98", "2001:db8::97"))
PORTS = (40_000, 40_001, 40_002)  # few, so that they come again


@lru_cache
def streams() -> tuple[bytes, ...]:
    """What clients begin with; only the last ones name what is flagged, after which all of their server is measured."""
    plain = openssl_hello("www.example.org")
    return (
        *[plain] * 5,
        plain + b"\x17\3\3\0\x40" + bytes(64),
        openssl_hello("n4.tls.example"),
        records(client_hello(b"www.example.net", key_share=1216)),
        records(client_hello(b"www.example.org", extensions=[ech_outer(9)])),
        records(client_hello(None)),
        plain + openssl_hello("n4.tls.example"),
        b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"",
        openssl_hello("chat.qwen.ai"),
        records(client_hello(b"n3.tls.example", key_share=1216)),
        plain + openssl_hello("n6.tls.example"),
        b"GET / HTTP/1.1\r\nHost: n9.tls.example\r\n\r\n",
    )


class Ends:
    """One connection's frames."""

    def __init__(self, chance: random.Random) -> None:
        version, which = chance.randrange(2), chance.randrange(3)
        self.client, self.server, self.port = CLIENTS[version], SERVERS[version][which], chance.choice(PORTS)
        self.stream = chance.choice(streams()[:14] if which else streams())
        self.isn = chance.choice((7, 0xFFFFFFFF, 0xFFFFFF80, chance.randrange(1 << 32)))
        self.chance = chance

    def frame(self, seq: int, flags: int, data: bytes = b"", *, back: bool = False) -> bytes:
        ports = (443, self.port) if back else (self.port, 443)
        ack = self.chance.choice((1, self.isn + 1 & 0xFFFFFFFF if back else 10))
        segment = struct.pack("!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack, 0x50, flags, 9, 0, 0) + data
        ends = (self.server, self.client) if back else (self.client, self.server)
        return ethernet(ip_packet(*ends, 6, segment))

    def frames(self) -> Iterator[bytes]:
        chance, seq, stream = self.chance, self.isn + 1, self.stream
        yield self.frame(self.isn, SYN)
        yield self.frame(9, SYN | ACK, back=True)
        yield self.frame(seq, ACK)
        size = chance.choice((60, 200, 900, 1400, 1400))
        for at in range(0, len(stream), size):
            yield self.frame(seq + at, ACK, stream[at : at + size])
        yield self.frame(10, ACK, b"\x16\3\3\0\x40\2" + bytes(63), back=True)
        yield self.frame(seq + len(stream), chance.choice((FIN | ACK, RST, ACK)), chance.choice((b"", b"bye")))

    def disturbed(self) -> list[bytes]:
        """What a capture may make of it: frames twice, missing, in another order."""
        chance, frames = self.chance, list(self.frames())
        for _ in range(chance.choice((0, 0, 1, 2))):
            at = chance.randrange(len(frames))
            match chance.randrange(4):
                case 0:
                    frames.insert(at, chance.choice(frames))
                case 1 if len(frames) > 1:
                    del frames[at]
                case 2:
                    frames.insert(chance.randrange(len(frames)), frames.pop(at))
                case _:
                    frames[at:] = [each for frame in frames[at:] for each in (frame, frame)]
        return frames


def ethernet(packet: bytes) -> bytes:
    """A frame of an IP packet."""
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


@lru_cache
def answers() -> tuple[bytes, ...]:
    """Of a resolver: what names clients may hide behind www.example.org, and where they are."""
    ech = base64.b64encode(vector(2, ech_config(9, b"www.example.org"))).decode()
    said = [(name, "HTTPS", f"1 . alpn=h2 ech={ech}") for name in ("n9.tls.example", "n4.tls.example")]
    said += [("n9.tls.example", "A", SERVERS[0][0]), ("www.example.org", "HTTPS", "1 . alpn=h2")]
    found = []
    for number, (name, kind, data) in enumerate(said):
        message = dns.message.make_response(dns.message.make_query(name, kind, id=number))
        message.answer.append(dns.rrset.from_text(name + ".", 300, "IN", kind, data))
        wire = message.to_wire()
        datagram = struct.pack("!HHHH", 53, 5555 + number, 8 + len(wire), 0) + wire
        found.append(ethernet(ip_packet("192.0.2.53", CLIENTS[0], 17, datagram)))
    return tuple(found)


def jumble(chance: random.Random, connections: int) -> list[bytes]:
    """Many connections at once, each in its own order, and some look-ups."""
    waiting = [Ends(chance).disturbed() for _ in range(connections)]
    waiting += [[answer] for answer in chance.sample(answers(), chance.randrange(len(answers())))]
    chance.shuffle(waiting)
    return woven(waiting, chance)


def woven(waiting: list[list[bytes]], chance: random.Random) -> list[bytes]:
    """The frames of all connections, those of each in its order; the last ones begin first."""
    found: list[bytes] = []
    running: list[list[bytes]] = []
    while waiting or running:
        if waiting and (not running or chance.random() < 0.3):
            running.append(waiting.pop())
        one = chance.choice(running)
        found.append(one.pop(0))
        if not one:
            running.remove(one)
    return found


def outcome(frames: list[bytes], step_ns: int, *, gated: bool = True, pure: bool = False, most: int = 4_096) -> object:
    """What a pipeline makes of *frames*, holding at most so many connections; not gated, it reads every hello."""
    with patch.object(quick, "MAX_HELD", most), patch.dict(os.environ, {engine.SWITCH: "1" if pure else ""}):
        return passed(frames, step_ns, gated=gated)


def changed(hello: bytes, chance: random.Random) -> bytes:
    """A hello of which some bytes are others, and the end perhaps is missing."""
    odd = bytearray(hello)
    for _ in range(chance.choice((0, 1, 2, 6))):
        odd[chance.randrange(min(len(odd), 330))] = chance.choice((0, 1, 2, 4, 0xFF, chance.randrange(256)))
    return bytes(odd[: chance.choice((len(odd), len(odd), chance.randrange(len(odd))))])


def remembering(memory: Memory, evictions: Counter[str], seed: int) -> list[object]:
    """What one that remembers few things says to many calls."""
    chance, said = random.Random(seed), list[object]()
    memory.on_forgetting = lambda: said.append("forgets")
    for _ in range(400):
        key = chance.choice((chance.randrange(-9, 9), chance.randrange(-(1 << 63), 1 << 63)))
        match chance.randrange(4):
            case 0:
                memory.forget(key)
            case 1:
                said.append(memory.get(key))
            case _:
                memory.put(key, chance.choice((-2, -1, 0, (1 << 32) - 1, chance.randrange(1 << 32))))
        said.append((len(memory), evictions["r"]))
    return said


def waited(waiting: Waits, seed: int) -> list[object]:
    """What one that keeps answers of several hundred clients says."""
    chance, said = random.Random(seed), list[object]()
    clients = [chance.randbytes(chance.choice((4, 16))) for _ in range(chance.choice((2, 70, 300)))]
    for number in range(600):
        wire = chance.randbytes(chance.choice((0, 12, 60, 104, 113, 114, 115, 238, 1400)))
        waiting.add(chance.choice(clients), number, chance.choice((wire, wire[:12] + b"\3www\0\0\x41" + wire)))
        if number % 5 == 0:
            said.append(waiting.services(chance.choice(clients)))
        if number % 7 == 0:
            said.append((waiting.take(chance.choice(clients)), len(waiting), waiting.take_dropped()))
    return [*said, *map(waiting.take, clients), len(waiting)]


def check_waiting(compiled: ModuleType, seed: int) -> None:
    """Both keep the same answers, and drop the same."""
    limit = random.Random(seed).choice((3_000, 60_000, 1 << 24))
    assert waited(compiled.Waiting(limit), seed) == waited(Waiting(limit), seed)


def check(compiled: ModuleType, seed: int) -> None:
    """Both gates say the same of what begins connections, and remember the same."""
    chance = random.Random(seed)
    frames, step_ns, most = jumble(chance, 20), chance.choice(STEPS_NS), chance.choice((4_096, 4, 1))
    with patch.object(engine, "compiled", compiled):
        assert outcome(frames, step_ns, most=most) == outcome(frames, step_ns, pure=True, most=most)
    for _ in range(40):
        hello = changed(chance.choice([each for each in streams() if each[:1] == b"\x16"]), chance)
        assert compiled.read_plain(hello) == read_plain(hello), hello
        assert compiled.first_of_plain(hello) == first_of_plain(hello), hello
    for limit in (1, 5, 100):
        counters = Counter[str](), Counter[str]()
        one, other = compiled.Remembered("r", limit, counters[0]), Remembered("r", limit, counters[1])
        assert remembering(one, counters[0], seed) == remembering(other, counters[1], seed)
    check_waiting(compiled, seed)
