"""Connections in which both ends take turns before a hello, or end without one, as a capture may have them."""

from __future__ import annotations

import random
from collections.abc import Iterator

from egret.track.preludes import MAX_PLAIN
from tests.support.dialogues import STARTTLS, connect, socks4, socks5
from tests.support.hello import ACK, FIN, RST, SYN
from tests.support.jumbles import Ends, answers, streams, woven

TUNNELS = (
    [connect("www.example.org")],
    [connect("n9.tls.example")],
    [connect("n4.tls.example")],
    [connect("198.51.100.9")],
    [b"CONNECT www.example.org:443 HTTP/1.0\r\nHost: other.example\r\nProxy-Authorization: Basic eDp5\r\n\r\n"],
    [connect("www.example.org"), connect("n4.tls.example")],
    [socks5(b"www.example.org")[:3], socks5(b"www.example.org")[3:]],
    [socks5(b"www.example.org", login=True, methods=b"\2")],
    [socks5(b"n9.tls.example")],
    [socks5(None)],
    [socks5(b"www.example.org", command=2)],
    [socks4(b"www.example.org")],
    [socks4(None)],
)
LINES = (
    *STARTTLS.values(),
    *TUNNELS,
    *TUNNELS[:1] * 4,
    *TUNNELS[6:8] * 3,
    [b"USER a\r\n", b"PASS b\r\n"],
    [b"a" * 200 + b"\n"] * 4,
    [b"x\n"] * 12,
    [b"SSH-2.0-x\r\n", b"\0\0\4\x3c\7\x14" + bytes(range(200)), bytes(20)],
    [b"\x13BitTorrent protocol" + bytes(48), b"\0\0\0\1\2"],
    [b"\2\3\4"],
    [b"y" * 1_400] * 3,
    [b"\x20\0\0\1\x85\xa6" + bytes(28), b"\x15\0\0\0\3SELECT GET / HTTP/1.1\n"],
    [b"Q\1", b"GET / HTTP/1.1\r\nHost: n9.tls.example\r\n\r\n"],
    [],
    [],
)
ODD = (b"\x16", b"x", b"\n", b"GET / HTTP/1.1\r\n", b"\x16\3\1\2\0\1", b"\0", b"y" * MAX_PLAIN + b"\n")


class Turns(Ends):
    """One connection's frames; few of them have the ends of others."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self.port = chance.randrange(40_000, 40_020)

    def _kept_alive(self, seq: int) -> Iterator[bytes]:
        """Lone bytes before the first one, or elsewhere, and what they are answered."""
        for _ in range(self.chance.randrange(1, 6)):
            at = seq - self.chance.choice((1, 1, 1, 1, 0, 2, -1, 70_000))
            yield self.frame(
                at,
                self.chance.choice((ACK, ACK, ACK, FIN | ACK)),
                self.chance.choice((b"\0", b"\0", b"x", b"\x16", b"G")),
            )
            yield self.frame(10, ACK, back=True)

    def frames(self) -> Iterator[bytes]:
        chance, seq, heard = self.chance, self.isn + 1, 10
        yield self.frame(self.isn, SYN)
        yield self.frame(9, chance.choice((SYN | ACK, SYN | ACK, RST | ACK)), back=True)
        lines = list(chance.choice(LINES))
        if chance.randrange(8) == 0:
            lines.insert(chance.randrange(len(lines) + 1), chance.choice(ODD))
        said = [(line, chance.randrange(3) > 0) for line in lines]
        hello, size = (self.stream if chance.randrange(4) else b""), chance.choice((60, 900, 1400, 1400))
        if chance.randrange(4) == 0:
            yield from self._kept_alive(seq)
        for piece, back in (*said, *((hello[at : at + size], False) for at in range(0, len(hello), size))):
            if back:
                banner = chance.choice((b"220 ready\r\n", b"S", streams()[0] if chance.randrange(20) == 0 else b"ok"))
                yield self.frame(heard, ACK, banner, back=True)
                heard += len(banner)
            yield self.frame(seq, ACK, piece)
            seq += len(piece)
        for _ in range(2):
            back = chance.randrange(2) == 1
            end = chance.choice((FIN | ACK, FIN | ACK, RST, ACK))
            yield self.frame(heard if back else seq, end, chance.choice((b"", b"", b"bye")), back=back)


def turns(chance: random.Random, connections: int) -> list[bytes]:
    """Many of them at once, each disturbed in its own way, and some look-ups."""
    waiting = [Turns(chance).disturbed() for _ in range(connections)]
    waiting += [[answer] for answer in chance.sample(answers(), chance.randrange(len(answers())))]
    return woven(waiting, chance)
