"""QUIC connections that cross each other, with datagrams twice, lost, late, broken and after a Retry."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from types import ModuleType
from unittest.mock import patch

from bench.workloads import udp_datagram
from egret.decode.quic_keys import VERSION_1, VERSION_2
from egret.track.limits import Limits
from egret.worker import engine
from tests.support.gated import passed
from tests.support.hello import client_hello, crypto_frame, ech_outer, quic_initial
from tests.support.jumbles import woven
from tests.support.sluices import as_ipv6

CLIENTS = (0xC0000201, 0xC0000202)
SERVERS = (0xCB007101, 0xCB007120, 0xCB007121)  # the first is flagged
PORTS = (50_000, 50_001, 443, 5353)
HELLOS = (
    *[client_hello(b"www.example.org")] * 4,
    client_hello(b"www.example.net", key_share=1216),
    client_hello(b"www.example.org", extensions=[ech_outer(9)], key_share=1216),
    client_hello(b"n3.tls.example", key_share=1216),
    client_hello(b"n4.tls.example"),
    client_hello(None),
    client_hello(b"WWW.Example.ORG."),
    client_hello(b"chat.qwen.ai"),
    client_hello(b"www.example.org") + b"more",
    client_hello(b"www.example.org")[:-3],
)
ACKED = b"\x02\0\0\0\0"
BESIDE = (  # frames that say nothing; the last one is too long for what it is
    *(b"", b"\1", bytes(40), ACKED, b"\x03\5\0\1\0\1\1\x09\x09\x09", b"\x1c\0\0\x02no") * 3,
    b"\x02\0\0\x44\x4c" + bytes(2201),
)
LIMITS = (Limits(), Limits(quic_flows=2), Limits(quic_bytes=4_000))
STEPS_NS = (1_000, 30_000_000, 1_100_000_000, 20_000_000_000)


class Ends:
    """One connection's datagrams."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.client, self.server, self.port = chance.choice(CLIENTS), chance.choice(SERVERS), chance.choice(PORTS)
        self.hello = chance.choice(HELLOS if self.server == SERVERS[0] else HELLOS[:-3])
        self.version = chance.choice((VERSION_1, VERSION_1, VERSION_1, VERSION_2))
        self.named = chance.choice((None, None, None, None, b"\x1a\x2a\x3a\x4a"))
        self.dcid, self.scid = chance.randbytes(8), chance.randbytes(chance.choice((0, 8)))
        self.is_ipv6 = chance.random() < 0.3

    def up(self, datagram: bytes) -> bytes:
        return self._frame(udp_datagram(self.client, self.server, self.port, 443, datagram))

    def down(self, datagram: bytes) -> bytes:
        return self._frame(udp_datagram(self.server, self.client, 443, self.port, datagram))

    def _frame(self, frame: bytes) -> bytes:
        return as_ipv6(frame) if self.is_ipv6 else frame

    def initial(self, frames: bytes, dcid: bytes, token: bytes = b"", number: int = 0, size: int = 1200) -> bytes:
        return quic_initial(
            frames,
            dcid=dcid,
            key_dcid=self.dcid,
            version=self.version,
            number=number,
            token=token,
            size=size,
            named=self.named,
        )

    def flight(self, token: bytes = b"") -> Iterator[bytes]:
        """The hello, in any pieces and order."""
        chance, size = self.chance, self.chance.choice((100, 500, 1000, 1000, 1000))
        more = chance.choice((0, 0, 0, 1, 150))  # of them lies over the next
        pieces = [crypto_frame(at, self.hello[at : at + size + more]) for at in range(0, len(self.hello), size)]
        if chance.random() < 0.1:
            pieces.insert(0, crypto_frame(3000, HELLOS[0]))  # where no hello begins
        if chance.random() < 0.3:
            chance.shuffle(pieces)
        number = 0
        while pieces:
            taken, pieces = (pieces[:1], pieces[1:]) if size >= 1000 else (pieces[:5], pieces[5:])
            tail = (
                chance.choice((b"\xff", b"\x06\0\x7f\xff")) if chance.random() < 0.05 else b""
            )  # no frame; half of one
            initial = self.initial(chance.choice(BESIDE) + b"\1".join(taken) + tail, self.dcid, token, number)
            if pieces and chance.random() < 0.1:
                number += 1
                initial += self.initial(pieces.pop(0), self.dcid, token, number, size=100)
            if chance.random() < 0.1:
                initial += self.handshake(self.dcid, 0xD1)  # 0-RTT
            yield self.up(initial)
            number += 1

    def handshake(self, dcid: bytes, first: int = 0xE1) -> bytes:
        sealed = self.chance.randbytes(60)
        head = bytes([first]) + self.version.to_bytes(4) + bytes([len(dcid)]) + dcid + b"\0"
        return head + struct.pack("!H", 0x4000 | len(sealed)) + sealed

    def frames(self) -> Iterator[bytes]:
        chance = self.chance
        if chance.random() < 0.2:
            yield from self.flight()
            self.scid = chance.randbytes(8)
            retry = bytes([0xC1 if self.version == VERSION_2 else 0xF1]) + self.version.to_bytes(4) + b"\0\x08"
            yield self.down(retry + self.scid + b"token" + bytes(16))
            self.dcid = self.scid
            yield from self.flight(b"token")
        else:
            yield from self.flight(chance.choice((b"", b"", b"", b"given before")))
        self.scid = chance.randbytes(8)
        back = quic_initial(
            ACKED, dcid=b"", scid=self.scid, key_dcid=self.dcid, version=self.version, server=True, size=150
        )
        yield self.down(back + self.handshake(b""))
        yield self.down(self.handshake(b""))
        yield self.up(self.initial(ACKED, self.scid, number=7) + self.handshake(self.scid))
        yield self.up(self.handshake(self.scid))
        yield self.down(b"\x40" + chance.randbytes(60))
        if chance.random() < 0.1:
            yield self.down(b"\xc0\0\0\0\0" + b"\0\x08" + self.scid + b"\0\0\0\1")  # another version, please

    def disturbed(self) -> list[bytes]:
        """What a capture may make of it."""
        chance, frames = self.chance, list(self.frames())
        for _ in range(chance.choice((0, 0, 1, 2, 4))):
            at = chance.randrange(len(frames))
            match chance.randrange(5):
                case 0:
                    frames.insert(at, chance.choice(frames))
                case 1 if len(frames) > 1:
                    del frames[at]
                case 2:
                    frames.insert(chance.randrange(len(frames)), frames.pop(at))
                case 3:
                    odd = bytearray(frames[at])
                    odd[chance.randrange(len(odd)) if chance.random() < 0.5 else chance.randrange(42, 60)] ^= 1
                    frames[at] = bytes(odd)
                case _:
                    frames[at:] = [each for frame in frames[at:] for each in (frame, frame)]
        return frames


def jumble(chance: random.Random, connections: int) -> list[bytes]:
    """Many connections at once, each in its own order."""
    return woven([Ends(chance).disturbed() for _ in range(connections)], chance)


def check(compiled: ModuleType, seed: int) -> None:
    """With a compiled gate it says the same as with none, and keeps as much of it."""
    chance = random.Random(seed)
    frames, step_ns, limits = jumble(chance, 12), chance.choice(STEPS_NS), chance.choice(LIMITS)
    back_ns = chance.choice((0, 90_000_000_000))
    with patch.object(engine, "compiled", compiled):
        taken = passed(frames, step_ns, gated=True, limits=limits, back_ns=back_ns)
    with patch.dict(os.environ, {engine.SWITCH: "1"}):
        assert passed(frames, step_ns, gated=False, limits=limits, back_ns=back_ns) == taken
