"""Several processes that share a capture say what one says, to the step; or that they cannot, and until where they did."""

from __future__ import annotations

import random
import struct
from functools import lru_cache
from ipaddress import ip_address
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import workloads
from egret.decode.packet import decode_packet
from egret.decode.tunnel import UDP_PORTS
from egret.model import Frame
from egret.track.limits import Limits
from egret.track.share import EVERYONE, FOLLOWED, PORTS, SERVERS, Share, owner_of
from egret.worker.partial import BY_HTTP, DISORDERED, FORGETFUL, PROXIED, REVERSED
from egret.worker.pipeline import Pipeline
from egret.worker.sluice import Sluice
from tests.support.company import frames
from tests.support.divided import agree, agree_on, agree_on_file
from tests.support.gated import CATALOG
from tests.support.hello import ip_packet
from tests.support.jumbles import ethernet, jumble
from tests.support.net import enhanced, interface, section
from tests.support.reshape import SHAPES, packets
from tests.support.talks import labels, talks

REASONS = {BY_HTTP, DISORDERED, FORGETFUL, PROXIED, REVERSED}


@lru_cache
def conversations(shape: str) -> dict[str, list[bytes]]:
    """Every conversation there is, as Ethernet frames."""
    named = zip(labels(), talks(), strict=True)
    return {
        label: [ethernet(packet) for packet in packets(talk, number, SHAPES[shape])]
        for number, (label, talk) in enumerate(named)
    }


@lru_cache
def apart() -> tuple[str, ...]:
    """Those of which each process can read its own."""
    return tuple(label for label, talk in conversations("plain").items() if agree(talk, 1_000_000, of=(2,)) is None)


def test_most_conversations_are_one_process_s() -> None:
    whys = {agree(talk, 200_000_000, of=(2,)) for talk in conversations("plain").values()}
    assert whys - {None} <= REASONS
    assert len(apart()) > len(labels()) * 2 // 3


@pytest.mark.parametrize("shape", SHAPES)
def test_all_of_them_at_once_in_every_shape(shape: str) -> None:
    chance = random.Random(shape)
    each = [list(talk) for label, talk in conversations(shape).items() if label in apart()]
    mixed = []
    while each:
        one = chance.choice(each)
        mixed.append(one.pop(0))
        if not one:
            each.remove(one)
    assert agree(mixed, 3_000_000, of=(3,)) is None


@pytest.mark.parametrize("name", workloads.WORKLOADS)
@pytest.mark.parametrize("pure", [False, True])
def test_what_the_benchmark_reads(name: str, pure: bool) -> None:
    read = list(islice(workloads.WORKLOADS[name](random.Random(name)), 700))
    assert agree(read, 20_000_000, pure=pure) is None


@pytest.mark.parametrize("pure", [False, True])
def test_a_capture_of_several_interfaces(pure: bool) -> None:
    chance = random.Random(3)
    read = enumerate(islice(workloads.tls(chance), 900))
    blocks = (enhanced(frame, number * 9_000, chance.randrange(2)) for number, frame in read)
    assert agree_on_file(section() + interface() * 2 + b"".join(blocks), pure=pure) is None


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32), step_ns=st.sampled_from([1_000, 30_000_000, 400_000_000, 1_100_000_000]))
def test_jumbles(seed: int, step_ns: int) -> None:
    chance = random.Random(seed)
    why = agree(jumble(chance, 25), step_ns, pure=chance.random() < 0.3, of=(chance.randrange(2, 6),))
    assert why in {None, *REASONS}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_machines_that_have_to_do_with_each_other(seed: int) -> None:
    chance = random.Random(seed)
    why = agree_on(frames(seed, chance.choice((5, 12, 30))), pure=chance.random() < 0.3, of=(chance.randrange(2, 6),))
    assert why in {None, *REASONS}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 32), most=st.sampled_from([4, 20, 80]))
def test_bounds_that_are_reached(seed: int, most: int) -> None:
    chance = random.Random(seed)
    few = Limits(flows=most, decided=2 * most, late_hellos=most, quic_flows=most, answers=most, volume_flows=most)
    agree(jumble(chance, 60), chance.choice((1_000, 300_000_000)), limits=few)


def fields(chance: random.Random) -> list[bytes]:
    """Frames some of whose header bytes are others, cut or padded."""
    found = []
    for frame in jumble(chance, 4):
        odd = bytearray(frame)
        for _ in range(chance.choice((0, 1, 2))):
            odd[chance.randrange(12, min(len(odd), 76))] = chance.choice((0, 1, 6, 17, 53, 0x45, chance.randrange(256)))
        odd[12:12] = b"\x81\0\0\x07" * chance.choice((0, 0, 0, 1, 2, 3))
        size = chance.choice((len(odd), len(odd), chance.randrange(len(odd))))
        found.append(bytes(odd[:size]) + bytes(chance.choice((0, 0, 9))))
    ports = (53, 443, 5353, *UDP_PORTS, chance.randrange(1 << 16))
    for payload in (b"", b"\xc0\0\0\0\0\1", b"\x40" + bytes(30), bytes(4) + b"\0\1" + bytes(8)):
        header = struct.pack("!HHHH", chance.choice(ports), chance.choice(ports), 8 + len(payload), 0)
        found.append(ethernet(ip_packet("192.0.2.1", "192.0.2.2", 17, header + payload)))
    for server in ("203.107.1.7", "203.107.2.7", "2400:3200::1"):
        ends = (server, "192.0.2.1" if "." in server else "2001:db8::1")
        for ports in ((80, 40_000), (40_000, 80), (443, 40_000)):
            one, other = chance.sample(ends, 2)
            segment = struct.pack("!HHIIBBHHH", *ports, 1, 1, 0x50, 16, 9, 0, 0)
            found.append(ethernet(ip_packet(one, other, 6, segment)))
    return found


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32), of=st.integers(1, 9))
def test_whose_a_frame_is(seed: int, of: int) -> None:
    """What the headers say at a glance is what the decoder says, and the compiled glance is the same."""
    for frame in fields(random.Random(seed)):
        owner = Share(0, of).whose(frame, 0, len(frame))
        if owner == FOLLOWED:
            assert any(bytes(ip_address(each).packed) in frame for each in ("203.107.1.7", "2400:3200::1"))
        elif owner != EVERYONE:
            packet = decode_packet(Frame(0, 1, memoryview(frame), len(frame)))
            assert packet is not None
            assert owner == owner_of(packet.source, packet.destination, of)
        sluice = Pipeline(CATALOG).gate.sluice
        if not isinstance(sluice, Sluice):
            sluice.divide(0, of, PORTS, SERVERS)
            assert sluice.owner_of(frame) == owner, frame.hex()
