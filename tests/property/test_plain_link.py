"""Where plain link headers say that IP begins, the decoder finds the same packet; Python and C agree on which are plain."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.link import ETHERNET
from egret.decode.packet import Packet, decode_packet
from egret.decode.plain_link import SMALLEST, ip_in
from egret.decode.plain_tunnel import is_none
from egret.errors import DecodeError
from egret.model import Frame
from tests.support.links import LINKS, TUNNELS, in_udp
from tests.support.sluices import ordinary

BARE = 101


def decoded(data: bytes, linktype: int, wire_length: int) -> Packet | str | None:
    try:
        return decode_packet(Frame(0, linktype, memoryview(data), wire_length))
    except DecodeError as error:
        return f"{type(error).__name__}: {error.reason}"


def broken(frame: bytes, chance: random.Random) -> bytes:
    odd = bytearray(frame)
    for _ in range(chance.choice((0, 1, 1, 3))):
        odd[chance.randrange(min(len(odd), 50))] = chance.choice((0, 1, 2, 0x11, 0x21, 0x45, 0x60, 0x81, 0x88, 0xFF))
    return bytes(odd[: chance.choice((len(odd), len(odd), chance.randrange(len(odd) + 1)))])


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 1 << 32), link=st.sampled_from(sorted(LINKS)))
def test_the_decoder_finds_the_same_packet_there(seed: int, link: str) -> None:
    chance = random.Random(seed)
    linktype, wrapped = LINKS[link]
    frame = broken(wrapped(chance.choice(ordinary())), chance)
    wire_length = len(frame) + chance.choice((0, 0, 9))
    found = ip_in(b"xyz" + frame + b"z", 3, 3 + len(frame), linktype)
    if found is not None:
        at, end = (each - 3 for each in found)
        assert end - at >= SMALLEST
        missing = wire_length - len(frame)
        assert decoded(frame, linktype, wire_length) == decoded(frame[at:end], BARE, end - at + missing)


@pytest.mark.parametrize("link", LINKS)
def test_each_link_is_plain(link: str) -> None:
    linktype, wrapped = LINKS[link]
    for frame in ordinary():
        there = wrapped(frame)
        if len(frame) - 14 < SMALLEST and link in TUNNELS:
            assert ip_in(there, 0, len(there), linktype) in {None, (14, len(there)), (64, len(there))}
        elif len(frame) - 14 < SMALLEST:
            assert ip_in(there, 0, len(there), linktype) is None
        else:
            assert ip_in(there, 0, len(there), linktype) == (len(there) - len(frame) + 14, len(there))
            assert linktype == ETHERNET or ip_in(there, 0, len(there), 147) is None


@settings(max_examples=300, deadline=None)
@given(
    port=st.sampled_from([4789, 8472, 4790, 2152, 6081, 3544]),
    start=st.lists(st.sampled_from([0, 1, 4, 8, 0x0C, 0x30, 0x34, 0x40, 0x48, 0x80, 0xBF, 0xFF]), max_size=9),
    size=st.integers(0, 60),
    cut=st.sampled_from([0, 0, 5, 40]),
)
def test_what_is_surely_no_tunnel_is_a_datagram(port: int, start: list[int], size: int, cut: int) -> None:
    frame = in_udp(port, bytes(start) + bytes(size))
    there = frame[: max(43, len(frame) - cut)]
    if is_none(port, there, 42, len(there)):
        packet = decoded(there, ETHERNET, len(frame))
        assert isinstance(packet, Packet)
        assert packet.destination.port == port
