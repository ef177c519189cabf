"""Connections of which a capture has the middle, or one side, or all but what was lost."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

from tests.support.hello import ACK, FIN, RST, SYN
from tests.support.jumbles import Ends, answers, streams, woven

_QUESTION = struct.pack("!HHHHHH", 9, 0x100, 1, 0, 0, 0) + b"\3www\7example\0\0\1\0\1"
_BEGINNINGS = (
    b"EHLO a\r\nSTARTTLS\r\n",
    b"\5\1\0",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"\x16\3\3\0\x40\2" + bytes(63),
    struct.pack("!H", len(_QUESTION)) + _QUESTION,
)


class Middle(Ends):
    """A connection that goes on for a while."""

    def frames(self) -> Iterator[bytes]:
        chance, sent, received = self.chance, self.isn + 1, 10
        yield self.frame(self.isn, SYN)
        yield self.frame(9, SYN | ACK, back=True)
        for data in self._said():
            if chance.random() < 0.05:
                sent, received = sent + chance.choice((1 << 17, 1 << 28)), received + chance.choice((9_000, 1 << 30))
            if chance.random() < 0.6:
                yield self.frame(received, ACK, data, back=True)
                received += len(data)
            else:
                yield self.frame(sent, ACK, data)
                sent += len(data)
        yield self.frame(sent, chance.choice((FIN | ACK, RST, ACK)), chance.choice((b"", b"bye")))

    def _said(self) -> Iterator[bytes]:
        """Segment by segment: mostly bulk."""
        chance, sizes = self.chance, self.chance.choice(((1400,), (1400, 1300, 100), (1210, 20, 2), (9_000, 1400)))
        for number in range(chance.choice((3, 12, 40))):
            what = chance.random()
            if what < (0.6 if number == 0 else 0.06):
                cut = chance.choice((60, 900, 1400))
                yield from (self.stream[at : at + cut] for at in range(0, len(self.stream), cut))
            elif what < 0.12:
                yield chance.choice(_BEGINNINGS) + chance.randbytes(chance.choice((0, 0, 1300)))
            else:
                yield self._bulk(chance.choice(sizes))

    def _bulk(self, size: int) -> bytes:
        chance = self.chance
        data = bytearray(chance.choice((chance.randbytes(size), b"word and word\n" * (size // 14), bytes(size))))
        if chance.random() < 0.3:
            data[: chance.choice((1, 6, 8))] = chance.choice(
                (b"\x17\3\3", b"A", b"G", b"\x16", b"\x80\x2e\1\3\1", b"0")
            )
        if chance.random() < 0.1:
            at, hello = chance.randrange(size), chance.choice(streams()[:8])
            data[at : at + len(hello)] = hello[: max(0, size - at)]
        return bytes(data)

    def captured(self) -> list[bytes]:
        """What a capture has of it."""
        chance, frames = self.chance, self.disturbed()
        if chance.random() < 0.7:
            del frames[: chance.choice((1, 2, 3, 5, 9))]
        if chance.random() < 0.3:
            client = chance.choice((True, False))
            frames = [each for each in frames if self._is_of_client(each) == client]
        return frames or [self.frame(0, ACK)]

    def _is_of_client(self, frame: bytes) -> bool:
        at = 14 + (20 if frame[12:14] == b"\x08\0" else 40)
        return frame[at : at + 2] != b"\x01\xbb"


def middles(chance: random.Random, connections: int) -> list[bytes]:
    """Many of them at once, and some look-ups."""
    waiting = [Middle(chance).captured() for _ in range(connections)]
    waiting += [[answer] for answer in chance.sample(answers(), chance.randrange(len(answers())))]
    chance.shuffle(waiting)
    return woven(waiting, chance)
