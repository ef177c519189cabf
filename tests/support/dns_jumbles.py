"""Connections of DNS that cross each other, whole and broken; and what a pipeline makes of them."""

from __future__ import annotations

import os
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from unittest.mock import patch

import dns.message
import dns.rrset

from egret.track.dns_table import NAME
from egret.track.limits import Limits
from egret.worker import engine
from tests.support.gated import passed
from tests.support.hello import ACK, FIN, RST, SYN, ip_packet, openssl_hello
from tests.support.jumbles import Ends, ethernet, woven

HOSTS = (
    *["www.example.org"] * 12,
    *["cdn.example.net"] * 4,
    "n4.tls.example",
    "WWW.example.org",
    "chat.qwen.ai",
    "a_b",
)
KINDS = ("A", "A", "A", "AAAA", "TXT", "HTTPS")
ADDRESSES = ("198.51.100.1", "198.51.100.2", "198.51.100.3")
PORTS = range(40_000, 40_006)
OTHERS = (
    b"\0\0",
    b"\0\1x",
    b"\0\x0c" + bytes(12),
    b"GET / HTTP/1.1\r\nHost: n6.tls.example\r\n\r\n",
    b"\xff\xff\0",
    bytes(40),
)
STEPS_NS = (1_000, 30_000_000, 400_000_000, 6_000_000_000, 200_000_000_000)


@cache
def question(host: str, kind: str, edns: bool) -> bytes:
    """As resolvers ask."""
    return dns.message.make_query(host + ".", kind, use_edns=edns, id=7).to_wire()


@cache
def answer(host: str, shape: int, address: str) -> bytes:
    """With one address, with many, through an alias, or with none."""
    message = dns.message.make_response(dns.message.make_query(host + ".", "A", id=7))
    owner = host + "."
    if shape == 2:
        message.answer.append(dns.rrset.from_text(owner, 60, "IN", "CNAME", "cdn.example.net."))
        owner = "cdn.example.net."
    if shape < 3:
        message.answer.append(dns.rrset.from_text(owner, 60, "IN", "A", *ADDRESSES[: 1 + 2 * (shape == 1)], address))
    return message.to_wire()


def changed(message: bytes, chance: random.Random) -> bytes:
    """The same behind its length, seldom with some bytes that are others, or with another length."""
    odd = bytearray(message)
    if chance.random() < 0.1:
        odd[chance.randrange(len(odd))] = chance.randrange(256)
    return struct.pack("!H", max(0, len(odd) + chance.choice((*[0] * 30, 1, -1, 300)))) + odd


class Talk(Ends):
    """One connection's frames: each message in a segment, or cut, or with the next one."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self.port = chance.choice(PORTS)

    def frame(self, seq: int, flags: int, data: bytes = b"", *, back: bool = False) -> bytes:
        """As of ``Ends``, at the port of DNS."""
        ports = (53, self.port) if back else (self.port, 53)
        segment = struct.pack("!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, 1, 0x50, flags, 9, 0, 0) + data
        ends = (self.server, self.client) if back else (self.client, self.server)
        return ethernet(ip_packet(*ends, 6, segment))

    def _pieces(self, messages: list[bytes]) -> list[bytes]:
        """What one end sends, in segments."""
        chance, pieces = self.chance, list[bytes]()
        for message in messages:
            cut = chance.choice((*[0] * 12, 1, 2, 2, 2, 3, 14))
            pieces += [piece for piece in (message[:cut], message[cut:]) if piece]
        for _ in range(chance.choice((0, 0, 0, 1))):
            at = chance.randrange(len(pieces))
            pieces[at : at + 2] = [b"".join(pieces[at : at + 2])]
        return pieces

    def _messages(self) -> tuple[list[bytes], list[bytes]]:
        chance, asked, told = self.chance, list[bytes](), list[bytes]()
        for _ in range(chance.randrange(1, 5)):
            host = chance.choice(HOSTS)
            asked.append(changed(question(host, chance.choice(KINDS), chance.random() < 0.3), chance))
            told.append(changed(answer(host, chance.choice((0, 0, 0, 1, 2, 3)), chance.choice(ADDRESSES)), chance))
        if chance.random() < 0.15:
            asked[chance.randrange(len(asked))] = chance.choice((*OTHERS, openssl_hello("n3.tls.example")))
        return self._pieces(asked), self._pieces(told)

    def frames(self) -> Iterator[bytes]:
        """From the first SYN to the last word."""
        chance, asked, told = self.chance, *self._messages()
        seq, back = self.isn + 1, 10
        yield self.frame(self.isn, SYN, chance.choice((b"", b"", b"", b"x")))
        yield self.frame(9, SYN | ACK, back=True)
        yield self.frame(seq, ACK)
        last = chance.choice((ACK, ACK, FIN | ACK))
        for number in range(max(len(asked), len(told))):
            for piece in asked[number : number + 1]:
                yield self.frame(seq, last if piece is asked[-1] else ACK, piece)
                seq += len(piece)
            for piece in told[number : number + 1]:
                yield self.frame(back, last if piece is told[-1] else ACK, piece, back=True)
                back += len(piece)
        yield self.frame(seq, chance.choice((FIN | ACK, RST, ACK)))
        yield self.frame(back, FIN | ACK, back=True)


def asked_by_datagram(chance: random.Random) -> list[bytes]:
    """The same question over UDP, for what each remembers of both."""
    wire = question(chance.choice(HOSTS), "A", False)
    datagram = struct.pack("!HHHH", 5_555, 53, 8 + len(wire), 0) + wire
    return [ethernet(ip_packet("192.0.2.1", ADDRESSES[0], 17, datagram))]


def jumble(chance: random.Random, connections: int, *, alone: bool = False) -> list[bytes]:
    """Many connections at once, unless they are *alone* some of them of TLS, and look-ups over UDP."""
    kinds: tuple[Callable[[], list[bytes]], ...] = (
        *[lambda: Talk(chance).disturbed()] * 5,
        lambda: (Talk if alone else Ends)(chance).disturbed(),
        lambda: asked_by_datagram(chance),
    )
    return woven([chance.choice(kinds)() for _ in range(connections)], chance)


def outcome(
    frames: list[bytes], step_ns: int, limits: Limits, *, gated: bool = True, pure: bool = False
) -> tuple[list[object], Counter[object], Counter[object]]:
    """What a pipeline makes of *frames*; not gated, the observer reads every message."""
    with patch.dict(os.environ, {engine.SWITCH: "1" if pure else ""}):
        return passed(frames, step_ns, gated=gated, limits=limits)


def check(seed: int) -> None:
    """See that what the gate follows says the same as what it does not."""
    frames = jumble(random.Random(seed), 30)
    assert outcome(frames, STEPS_NS[0], Limits()) == outcome(frames, STEPS_NS[0], Limits(), gated=False)


class Side:
    """What a table holds."""

    def __init__(self, last_ns: int, size: int = 0) -> None:
        self.last_ns, self.size = last_ns, size


def tabled(table: Any, evictions: Counter[str], seed: int) -> list[object]:
    """What a table of few directions says to many calls."""
    chance, said = random.Random(seed), list[object]()
    for number in range(400):
        key, now = chance.choice((chance.randrange(-9, 9), chance.randrange(-(1 << 63), 1 << 63))), number * 10
        match chance.randrange(8):
            case 0:
                table.pop(key)
            case 1:
                found = table.get(key)
                said.append(found and found.last_ns)
            case 2 | 3:
                gone = table.put(key, Side(chance.choice((now, now, now - 50, now - 1000, 1 << 70))))
                said.append(gone and gone.last_ns)
            case 4 if table.get(key) is not None:
                table.touch(key)
            case 5:
                said.append([(at, side.last_ns) for at, side in table.due(now, 200, 1000)])
            case 6 if chance.random() < 0.2:
                table.set_back(now - 100)
            case _:
                gone = table.evict() if chance.random() < 0.1 else None
                said.append(gone and gone.last_ns)
        said.append((len(table), evictions[NAME], [side.last_ns for side in table.all()]))
    return said
