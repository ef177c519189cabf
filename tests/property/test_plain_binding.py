"""A plain binding says what dnspython says of it."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.dns import HTTPS, Service
from egret.decode.dns_library import read_binding as read_by_dnspython
from egret.decode.plain_binding import read_binding

PARAMETERS = {
    1: (b"\2h3\2h2", b"\x08http/1.1", b"\0", b""),
    2: (b"", b"x"),
    3: (b"\x01\xbb", b"\1"),
    4: (b"\xcb\0\x71\7", b"\xcb\0\x71\7" * 2, b"", b"\1\2\3"),
    5: (b"\0\4\xfe\x0d\0\0", b"junk"),
    6: (bytes(16), bytes(15)),
    7: (b"/dns{?q}",),
}
TARGETS = (b"\0", b"\3svc\7Example\0", b"\x01\xff\0", b"\3svc", b"\xc0\x0c")


def bindings(chance: random.Random) -> bytes:
    keys = chance.sample(sorted(PARAMETERS), chance.randrange(5))
    keys = keys if chance.random() < 0.2 else sorted(keys)
    data = chance.choice((b"\0\1", b"\0\0", b"\1\2")) + chance.choice(TARGETS)
    for key in keys:
        value = chance.choice(PARAMETERS[key])
        data += key.to_bytes(2) + len(value).to_bytes(2) + value
    odd = bytearray(data)
    if chance.random() < 0.3:
        odd[chance.randrange(len(odd))] = chance.choice((0, 1, 2, chance.randrange(256)))
    return bytes(odd[: chance.choice((len(odd), len(odd), chance.randrange(len(odd) + 1)))])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 32))
def test_dnspython_says_the_same(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(20):
        data = bindings(chance)
        plain = read_binding(data)
        if plain is not None:
            priority, target, alpn, addresses = plain
            assert read_by_dnspython(HTTPS, data) == (target, Service(priority, alpn, addresses)), data.hex()
