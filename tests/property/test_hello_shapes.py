"""Hellos of shapes that were seen before give what the walk over them gives, whatever was seen, in whatever order."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.workloads import tls_connections
from egret.decode.hello_shapes import HelloShapes
from egret.decode.plain_hello import read_plain
from tests.support.hello import client_hello, ech_outer, extension, openssl_hello, records, without_session

_SEGMENTS = (segments[2:] for _, segments in tls_connections(random.Random(5)))
SEEDS = [
    openssl_hello("chat.qwen.ai"),
    records(client_hello(b"one.example")),
    records(
        client_hello(
            b"two.example", extensions=[extension(41, bytes(90)), extension(51, b"\0\0\x16\x16\x16"), ech_outer(3)]
        )
    ),
    *(records(without_session(client_hello(name))) for name in (b"three.example", b"www.three.example")),  # as in QUIC
    *(b"".join(frame[54:] for frame in next(_SEGMENTS)) for _ in range(4)),
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 1 << 32))
def test_a_chain_of_changed_hellos_gives_what_the_walk_gives(seed: bytes, number: int) -> None:
    chance, shapes, hello = random.Random(number), HelloShapes(), seed
    for _ in range(30):
        odd = bytearray(hello)
        for _ in range(chance.choice((0, 1, 1, 2, 5))):
            odd[chance.randrange(len(odd))] = chance.choice((0, 1, 4, 0xFF, chance.randrange(256)))
        said = read_plain(bytes(odd))
        assert shapes.read(bytes(odd)) == said
        if said is not None or chance.random() < 0.1:
            hello = bytes(odd) if chance.random() < 0.7 else seed
