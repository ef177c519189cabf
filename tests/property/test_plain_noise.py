"""Where a frame is called noise, the decoder finds nothing, has nothing to say against it, and keeps no fragment."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.packet import Beside, decode_packet
from egret.decode.plain_link import ip_in
from egret.decode.plain_noise import frame_is_noise, packet_is_noise
from egret.model import Frame
from egret.track.fragments import Reassembler
from tests.support.links import LINKS
from tests.support.noise import FRAMES, PACKETS
from tests.support.sluices import ordinary


def broken(frame: bytes, chance: random.Random) -> bytes:
    odd = bytearray(frame)
    for _ in range(chance.choice((0, 1, 1, 3))):
        odd[chance.randrange(min(len(odd), 60))] = chance.choice((0, 1, 2, 3, 4, 41, 50, 58, 0x45, 0x60, 0x81, 0x88))
    return bytes(odd[: chance.choice((len(odd), len(odd), chance.randrange(len(odd) + 1)))])


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 1 << 32), link=st.sampled_from(("ethernet", *LINKS)))
def test_there_is_nothing_in_noise(seed: int, link: str) -> None:
    chance = random.Random(seed)
    linktype, wrapped = LINKS[link]
    from_where = chance.choice((PACKETS, PACKETS, FRAMES, ordinary()))
    frame = chance.choice(from_where)
    frame = broken(frame if from_where is FRAMES else wrapped(frame), chance)
    found = ip_in(frame, 0, len(frame), linktype)
    if packet_is_noise(frame, *found) if found is not None else frame_is_noise(frame, 0, len(frame), linktype):
        beside: list[Beside] = []
        reassembler = Reassembler()
        wire_length = len(frame) + chance.choice((0, 0, 9))
        assert decode_packet(Frame(0, linktype, memoryview(frame), wire_length), reassembler.add, beside) is None
        assert not beside
        assert not list(reassembler.last_words())
