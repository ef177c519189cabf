"""Frames of connections and datagrams on any port, and how many of them go on at a time: what shapes are made of."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from itertools import islice

from bench.workloads import ACK, ETHERNET, PSH, SMALL, SYN, Network, udp_datagram

Frames = Iterator[bytes]
FIN, RST, TCP = 1, 4, 6
SEGMENT = 1400
AT_ONCE = 200  # connections


def ip(source: int, destination: int, protocol: int, body: bytes, *, identity: int = 0, fragment: int = 0) -> bytes:
    head = (0x45, 0, 20 + len(body), identity, fragment, 64, protocol, 0, source, destination)
    return ETHERNET + struct.pack("!BBHHHBBHII", *head) + body


def noise(chance: random.Random, size: int) -> bytes:
    """What looks like encrypted bytes where anybody looks."""
    return chance.randbytes(min(size, 48)) + bytes(max(0, size - 48))


class Talk:
    """One TCP connection with sequence numbers that are right."""

    def __init__(self, chance: random.Random, port: int = 443, name: str = "", network: Network = SMALL) -> None:
        self.client, self.server = network.client(chance), network.server(name, chance)
        self.ports = chance.randrange(20_000, 60_000), port
        self.next_up, self.next_down = chance.randrange(1 << 31), chance.randrange(1 << 31)

    def up(self, payload: bytes = b"", flags: int = ACK, *, at: int | None = None) -> bytes:
        """A segment of the client's; with *at* one that begins there, and does not count."""
        numbers = self.next_up if at is None else at, self.next_down
        if at is None:
            self.next_up = self.next_up + len(payload) + (flags & (SYN | FIN) != 0) & 0xFFFFFFFF
        return self._frame(self.client, self.server, self.ports, numbers, flags, payload)

    def down(self, payload: bytes = b"", flags: int = ACK) -> bytes:
        numbers = self.next_down, self.next_up
        self.next_down = self.next_down + len(payload) + (flags & (SYN | FIN) != 0) & 0xFFFFFFFF
        return self._frame(self.server, self.client, self.ports[::-1], numbers, flags, payload)

    @staticmethod
    def _frame(
        source: int, destination: int, ports: tuple[int, int], numbers: tuple[int, int], flags: int, payload: bytes
    ) -> bytes:
        head = struct.pack("!HHIIBBHHH", *ports, numbers[0], numbers[1] & 0xFFFFFFFF, 0x50, flags, 8192, 0, 0)
        return ip(source, destination, TCP, head + payload)

    def opened(self) -> Frames:
        yield self.up(flags=SYN)
        yield self.down(flags=SYN | ACK)
        yield self.up()

    def says(self, data: bytes, size: int = SEGMENT) -> Frames:
        for at in range(0, len(data), size):
            yield self.up(data[at : at + size], ACK | PSH)

    def hears(self, data: bytes, size: int = SEGMENT) -> Frames:
        for at in range(0, len(data), size):
            yield self.down(data[at : at + size], ACK | PSH)

    def ended(self) -> Frames:
        yield self.up(flags=FIN | ACK)
        yield self.down(flags=FIN | ACK)
        yield self.up()


class Call:
    """Two ends that send each other datagrams."""

    def __init__(self, chance: random.Random, sport: int | None = None, dport: int | None = None) -> None:
        self.ends = SMALL.client(chance), SMALL.server("", chance)
        self.ports = sport or chance.randrange(20_000, 60_000), dport or chance.randrange(20_000, 60_000)

    def up(self, payload: bytes) -> bytes:
        return udp_datagram(*self.ends, *self.ports, payload)

    def down(self, payload: bytes) -> bytes:
        return udp_datagram(*self.ends[::-1], *self.ports[::-1], payload)


def woven(chance: random.Random, make: Callable[[], Frames], at_once: int = AT_ONCE) -> Frames:
    """Many of them at a time, without end, each in its order."""
    running = [make() for _ in range(at_once)]
    while True:
        at = chance.randrange(at_once)
        frame = next(running[at], None)
        if frame is None:
            running[at] = make()
        else:
            yield frame


def taking_turns(*sources: tuple[Frames, int]) -> Frames:
    """Some frames of each, again and again."""
    while True:
        for source, number in sources:
            yield from islice(source, number)
