"""Where it is said what a packet carries, the decoder says the same; whatever headers, cut or broken."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.ip import parse_ip
from egret.decode.plain_ip import carried, ends_in
from egret.errors import DecodeError
from tests.support.headers import wrapped
from tests.support.sluices import ordinary


def broken(frame: bytes, chance: random.Random) -> bytes:
    odd = bytearray(frame)
    for _ in range(chance.choice((0, 0, 1, 3))):
        odd[14 + chance.randrange(min(len(odd) - 14, 80))] = chance.choice((0, 1, 6, 17, 44, 51, 60, 0x45, 0x60, 0xFF))
    return bytes(odd[: chance.choice((len(odd), len(odd), 14 + chance.randrange(len(odd) - 13)))])


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_the_decoder_says_the_same(seed: int) -> None:
    chance = random.Random(seed)
    frame = broken(wrapped(chance.choice(ordinary()), chance), chance)
    missing = chance.choice((0, 0, 9, 3000))
    found = carried(b"xyz" + frame + b"z", 17, 3 + len(frame), missing)
    if found is None:
        return
    protocol, body, length = found
    datagram = parse_ip(memoryview(frame)[14:], missing)
    assert datagram.fragment is None
    if protocol == 51 and frame[14] >> 4 == 4:
        return  # nobody asks for more of it
    assert (datagram.protocol, datagram.wire_length) == (protocol, length)
    assert datagram.payload == (b"xyz" + frame)[body : min(body + length, 3 + len(frame))]
    ends = ends_in(b"xyz" + frame, 17, body)
    assert ends == datagram.source + datagram.destination + (b"xyz" + frame)[body : body + 4]


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_what_is_whole_and_no_fragment_is_opened(seed: int) -> None:
    chance = random.Random(seed)
    frame = wrapped(chance.choice(ordinary()), chance)
    try:
        datagram = parse_ip(memoryview(frame)[14:])
    except DecodeError:
        return
    found = carried(frame, 14, len(frame), 0)
    assert found is not None or datagram.fragment or frame[20] in {0, 43, 44, 51, 60, 135, 139, 140}
