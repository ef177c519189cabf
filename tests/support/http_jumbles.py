"""HTTP connections that cross each other, whole and broken; and what a pipeline makes of them."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from egret.decode.plain_request import read_plain
from egret.track.conversations import NAME, Conversations
from egret.track.limits import Limits
from egret.worker import engine
from tests.support.gated import passed
from tests.support.hello import ACK, FIN, RST, SYN, openssl_hello
from tests.support.jumbles import Ends, woven

HOSTS = (
    *[b"www.example.org"] * 20,
    *[b"cdn.example.net"] * 6,
    b"n4.tls.example",
    b"example.net:8080",
    b"n3.tls.example",
)
ODD_HOSTS = (b"WWW.example.org", b"192.0.2.9", b"", b"a,b.example.org", b"chat.qwen.ai", b"httpdns.baidu.com", b"one")
METHODS = (*[b"GET"] * 6, b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"get", b"BREW")
TARGETS = (*[b"/"] * 4, b"/a?b=c", b"/v1/resolve?dn=n6.tls.example", b"http://n6.tls.example/", b"*", b"/\xff", b"/a b")
FIELDS = (
    b"Accept: */*",
    b"Cookie: " + b"x" * 400,
    b"Content-Length: 0",
    b"content-length: 12",
    b"Content-Length : 9",
    b"Content-Length: 3000",
    b"Content-Length: x",
    b"Transfer-Encoding: chunked",
    b"Upgrade: h2c",
    b"host: n6.tls.example",
    b"Host : n6.tls.example",
    b" Host: n6.tls.example",
    b"X: a\nHost: n6.tls.example",
    b"X: a\rHost: n6.tls.example",
    b"Hostess: a",
    b"no field",
    b"",
)
BODY = b"GET /b HTTP/1.1\r\nHost: n6.tls.example\r\n\r\n"
ANSWER = b'{"host": "n6.tls.example", "ips": ["198.51.100.2"], "ttl": 60}'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER
PORTS = range(40_000, 40_012)
OTHERS = (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BODY, b"\5\1\0", b"\x16\3\1\0\5hello", b"bye")


def request(chance: random.Random) -> bytes:
    """A head with as much of a body as it says, one in three of them odd in one way."""
    method, target, version, host = b"GET", b"/", b"HTTP/1.1", chance.choice(HOSTS)
    fields = chance.sample(FIELDS[:4], chance.randrange(3))
    match chance.randrange(15):
        case 0:
            method = chance.choice(METHODS)
        case 1:
            target = chance.choice(TARGETS)
        case 2:
            host = chance.choice(ODD_HOSTS)
        case 3:
            version = chance.choice((b"HTTP/1.0", b"HTTP/2", b"http/1.1", b"HTTP/1.1 "))
        case 4 | 5:
            fields.append(chance.choice(FIELDS))
    if chance.random() < 0.05:
        target, host = TARGETS[5], b"httpdns.baidu.com"
    fields.append(b"Host: " + host)
    chance.shuffle(fields)
    lines = b"\r\n".join([method + b" " + target + b" " + version, *fields]) + b"\r\n\r\n"
    sizes = [int(field[15:]) for field in fields if field[:15].lower() == b"content-length:" and field[16:].isdigit()]
    return lines + (BODY * 80)[: sizes[0] if sizes else 0]


def changed(data: bytes, chance: random.Random) -> bytes:
    """The same, seldom with some bytes that are others."""
    odd = bytearray(data)
    for _ in range(chance.choice((0, 0, 0, 0, 1, 3))):
        odd[chance.randrange(len(odd))] = chance.choice(b"\r\n \t:hH/\0" + bytes([chance.randrange(256)]))
    return bytes(odd)


class Talk(Ends):
    """One connection's frames: each request in a segment, or cut, or with the next one."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self.port = chance.choice(PORTS)
        self.said = [changed(request(chance), chance) for _ in range(chance.randrange(1, 6))]
        if chance.random() < 0.15:
            self.said.insert(
                chance.randrange(len(self.said)), chance.choice((*OTHERS, openssl_hello("n3.tls.example")))
            )

    def _pieces(self) -> list[bytes]:
        """What the client sends, in segments."""
        chance, pieces = self.chance, list[bytes]()
        for said in self.said:
            size = chance.choice((1400, 1400, 1400, 1400, 60, 700, 9000))
            pieces += [said[at : at + size] for at in range(0, len(said), size)]
        for _ in range(chance.choice((0, 0, 0, 1))):
            at = chance.randrange(len(pieces))
            pieces[at : at + 2] = [b"".join(pieces[at : at + 2])]
        return pieces

    def frames(self):  # type: ignore[no-untyped-def]  # as Ends
        """From the first SYN to the last word."""
        seq, back = self.isn + 1, 10
        yield self.frame(self.isn, SYN)
        yield self.frame(9, SYN | ACK, back=True)
        yield self.frame(seq, ACK)
        for piece in self._pieces():
            yield self.frame(seq, ACK, piece)
            seq += len(piece)
            yield self.frame(back, ACK, REPLY, back=True)
            back += len(REPLY)
        yield self.frame(seq, self.chance.choice((FIN | ACK, RST, ACK)), self.chance.choice((b"", b"bye")))
        yield self.frame(back, FIN | ACK, self.chance.choice((b"", b"bye")), back=True)


def jumble(chance: random.Random, connections: int) -> list[bytes]:
    """Many connections at once, some of them of TLS."""
    kinds: tuple[Callable[[random.Random], Ends], ...] = (Talk, Talk, Talk, Ends)
    return woven([chance.choice(kinds)(chance).disturbed() for _ in range(connections)], chance)


def outcome(
    frames: list[bytes], step_ns: int, limits: Limits, *, gated: bool = True, pure: bool = False
) -> tuple[list[object], Counter[object], Counter[object]]:
    """What a pipeline makes of *frames*; not gated, every request is read, and nothing is laid down."""
    with patch.dict(os.environ, {engine.SWITCH: "1" if pure else ""}):
        return passed(frames, step_ns, gated=gated, limits=limits)


def tabled(talks: Any, dropped: list[object], evictions: Counter[str], seed: int) -> list[object]:
    """What a table of few conversations says to many calls; the conversations are lists."""
    chance, said = random.Random(seed), list[object]()
    for number in range(400):
        key = chance.choice((chance.randrange(-9, 9), chance.randrange(-(1 << 63), 1 << 63)))
        match chance.randrange(7):
            case 0:
                said.append(talks.pop(key))
            case 1:
                said.append(talks.get(key))
            case 2:
                talks.put(key, [number])
            case 3 if key in talks.keys:
                talks.touch(key)
            case 4:
                said.append(talks.resting(key))
            case _:
                ends, host = chance.choice((b"abcdABCD1234", bytes(range(36)))), chance.choice(HOSTS)
                talks.rest(key, ends, chance.choice((None, "eth0")), chance.randrange(1 << 32), host)
        said.append((len(talks), key in talks.keys, dropped[:], evictions[NAME]))
    return said


def compiled_talks(compiled: Any, limit: int, dropped: list[object], evictions: Counter[str]) -> Any:
    """A compiled table by itself."""
    known = {name: compiled.Truths(9, bytes(16)) for name in ("hosts", "clients", "servers")}
    return compiled.Talks(
        name=NAME,
        limit=limit,
        evictions=evictions,
        restored=lambda *rest: list(rest),
        dropped=dropped.append,
        passes=lambda *_: None,
        watched=(),
        **known,
    )


def check(compiled: Any, seed: int) -> None:
    """Both gates say the same of HTTP, and remember the same."""
    chance = random.Random(seed)
    frames, limits = jumble(chance, 20), Limits(http_flows=chance.choice((8_192, 5, 1)))
    with patch.object(engine, "compiled", compiled):
        assert outcome(frames, 1_000, limits) == outcome(frames, 1_000, limits, pure=True)
    for _ in range(60):
        whole = changed(request(chance), chance)
        data = whole[: chance.choice((len(whole), len(whole), chance.randrange(len(whole) + 1)))]
        assert compiled.read_request(data) == read_plain(data), data
    for limit in (1, 5, 100):
        counts, dropped = (Counter[str](), Counter[str]()), (list[object](), list[object]())
        other = Conversations[list[object]](limit, counts[1], lambda *rest: list(rest), dropped[1].append)
        made = compiled_talks(compiled, limit, dropped[0], counts[0])
        assert tabled(made, dropped[0], counts[0], seed) == tabled(other, dropped[1], counts[1], seed)
