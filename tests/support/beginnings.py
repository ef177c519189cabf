"""What segments begin with that are, or look like, records and requests."""

from __future__ import annotations

import random
from collections.abc import Iterator

_PARTS = (
    *(bytes([number]) for number in range(256)),
    b"\x16\3\1\0\x32\1\0\0\x2e\3\3",
    b"\x16\3",
    b"\x14\3\3\0\1\1",
    b"\x15\3\3\0\2\1\0",
    b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"M-SEARCH * HTTP/1.1\r\n",
    b"A" * 22,
    b"Z_9-",
    b" \t",
    b"GET",
    b"get / http/1.0",
    b" HTTP/1.1",
    b"word " * 500,
    b"\n",
)


def beginnings(count: int = 2000) -> Iterator[bytes]:
    """Each byte alone, then some of these parts behind each other."""
    yield from _PARTS
    chance = random.Random(count)
    for _ in range(count):
        yield b"".join(chance.choices(_PARTS, [1] * 256 + [60] * (len(_PARTS) - 256), k=chance.randrange(1, 6)))
