"""Young connections that are held, and let go at any moment, say and leave behind what they would if none were held."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from functools import lru_cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from egret.worker import quick
from tests.support.gated import passed
from tests.support.hello import ACK, FIN, RST, SYN, client_hello, ip_packet, openssl_hello, records

CLIENTS = ("192.0.2.1", "2001:db8::1")
SERVERS = (("198.51.100.1", "198.51.100.2", "198.51.100.3"), ("2001:db8::99", "2001:db8::98", "2001:db8::97"))
PORTS = (40_000, 40_001, 40_002)  # few, so that they come again


@lru_cache
def streams() -> tuple[bytes, ...]:
    """What clients begin with; only the last ones name what is flagged, after which all of their server is measured."""
    plain = openssl_hello("www.example.org")
    return (
        *[plain] * 6,
        openssl_hello("n4.tls.example"),
        records(client_hello(b"www.example.net", key_share=1216)),
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
        self.stream = chance.choice(streams()[:13] if which else streams())
        self.isn = chance.choice((7, 0xFFFFFFFF, 0xFFFFFF80, chance.randrange(1 << 32)))
        self.chance = chance

    def frame(self, seq: int, flags: int, data: bytes = b"", *, back: bool = False) -> bytes:
        ports = (443, self.port) if back else (self.port, 443)
        segment = struct.pack("!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, 1, 0x50, flags, 9, 0, 0) + data
        ends = (self.server, self.client) if back else (self.client, self.server)
        packet = ip_packet(*ends, 6, segment)
        return b"\2\0\0\0\0\1\2\0\0\0\0\2" + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet

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


def jumble(chance: random.Random, connections: int) -> list[bytes]:
    """Many connections at once, each in its own order."""
    waiting = [Ends(chance).disturbed() for _ in range(connections)]
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


@settings(max_examples=60, deadline=None)
@example(1, 400_000_000, 4_096)
@given(
    st.integers(0, 1 << 32),
    st.sampled_from([1_000, 30_000_000, 400_000_000, 1_100_000_000]),
    st.sampled_from([4_096, 4, 1]),
)
def test_connections_that_cross_say_the_same_held_or_not(seed: int, step_ns: int, most: int) -> None:
    frames = jumble(random.Random(seed), 40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick, "MAX_HELD", most)
        assert passed(frames, step_ns, gated=True) == passed(frames, step_ns, gated=False)
