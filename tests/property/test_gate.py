"""What the gate takes could have changed nothing but the counts: with and without it, all else is the same."""

from __future__ import annotations

import random
from functools import lru_cache
from itertools import islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench import workloads
from egret.model import Frame
from egret.worker.pipeline import Pipeline
from tests.support.datagram_bulk import datagrams
from tests.support.dns_answers import answers
from tests.support.gated import CATALOG, START_NS, passed
from tests.support.headers import HEADERS
from tests.support.links import LINKS
from tests.support.reshape import SHAPES, packets
from tests.support.talks import talks


@lru_cache
def conversations(shape: str) -> tuple[bytes, ...]:
    """Every conversation there is, as Ethernet frames."""
    found = [packet for number, talk in enumerate(talks()) for packet in packets(talk, number, SHAPES[shape])]
    return tuple(
        b"\2\0\0\0\0\1\2\0\0\0\0\2" + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet for packet in found
    )


@lru_cache
def workload(name: str) -> tuple[bytes, ...]:
    """Some of what the benchmark reads."""
    return tuple(islice(workloads.WORKLOADS[name](random.Random(name)), 600))


def replies(frames: tuple[bytes, ...], chance: random.Random) -> list[bytes]:
    """Bulk and acknowledgements in both directions of the TCP connections in *frames*."""
    found = []
    for frame in chance.sample(frames, min(len(frames), 200)):
        if frame[12:15] == b"\x08\0\x45" and frame[23] == 6:
            payload = chance.choice(
                [b"", b"\0" * 30, b"\x16\x03\x01\0\5\1\0\0\1\0", b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"]
            )
            ends = frame[26:34] + frame[34:38]
            if chance.random() < 0.5:
                ends = ends[4:8] + ends[:4] + ends[10:12] + ends[8:10]
            header = bytes([0x45, 0]) + (40 + len(payload)).to_bytes(2) + frame[18:26] + ends
            found.append(frame[:14] + header + chance.randbytes(8) + b"\x50\x10\x20\0\0\0\0\0" + payload)
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_every_conversation_in_every_shape_says_the_same(shape: str) -> None:
    chance = random.Random(shape)
    frames = [*conversations(shape), *replies(conversations(shape), chance), *conversations(shape)]
    assert passed(frames, 200_000, gated=True) == passed(frames, 200_000, gated=False)


@pytest.mark.parametrize("link", [link for link in LINKS if link != "ethernet"])
def test_behind_every_plain_link_header_it_says_the_same(link: str) -> None:
    chance, (linktype, wrapped) = random.Random(link), LINKS[link]
    chosen = [*chance.sample(conversations("plain"), 300), *workload("dns"), *workload("tls"), *workload("mix")]
    frames = list(map(wrapped, [*chosen, *replies(tuple(chosen), chance), *chance.sample(chosen, 200)]))
    gated, free = (passed(frames, 200_000, gated=gated, linktype=linktype) for gated in (True, False))
    assert gated == free


@pytest.mark.parametrize("header", HEADERS)
def test_behind_rarer_headers_it_says_the_same(header: str) -> None:
    chance, behind = random.Random(header), HEADERS[header]
    chosen = [*chance.sample(conversations("plain"), 300), *workload("dns"), *workload("tls"), *workload("mix")]
    frames = [
        behind(frame, chance) for frame in [*chosen, *replies(tuple(chosen), chance), *chance.sample(chosen, 200)]
    ]
    gated, free = (passed(frames, 200_000, gated=gated) for gated in (True, False))
    assert gated == free


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32))
def test_answers_of_every_shape_whole_and_broken_say_the_same(seed: int) -> None:
    chance = random.Random(seed)

    def broken(wire: bytes) -> bytes:
        odd = bytearray(wire)
        for _ in range(chance.choice((0, 0, 1, 2))):
            odd[chance.randrange(2, len(odd))] = chance.choice((0, 1, 3, 5, 0xC0, 0x0C, chance.randrange(256)))
        return bytes(odd[: chance.choice((len(odd), len(odd), chance.randrange(len(odd))))])

    frames = answers(seed, 4, broken)
    assert passed(frames, 1_000_000, gated=True) == passed(frames, 1_000_000, gated=False)


@pytest.mark.parametrize("size", [60, 96, 128, 262])
def test_what_the_snap_length_cut_says_the_same(size: int) -> None:
    chance = random.Random(size)
    chosen = [*chance.sample(conversations("plain"), 300), *workload("dns"), *workload("tls"), *workload("mix")]
    frames = [*chosen, *answers(), *replies(tuple(chosen), chance), *chance.sample(chosen, 200)]
    gated, free = (passed(frames, 200_000, gated=gated, snap=lambda _: size) for gated in (True, False))
    assert gated == free


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32))
def test_what_was_cut_anywhere_says_the_same(seed: int) -> None:
    chance = random.Random(seed)

    def broken(wire: bytes) -> bytes:
        odd = bytearray(wire)
        for _ in range(chance.choice((0, 0, 0, 1))):
            odd[chance.randrange(2, len(odd))] = chance.choice((0, 1, 3, 5, 0xC0, 0x0C, 0x29, chance.randrange(256)))
        return bytes(odd)

    frames = answers(seed, 2, broken) + chance.sample(workload("dns"), 40)
    behind = {frame: chance.randrange(14, len(frame) + 1) for frame in frames}
    assert passed(frames, 1_000_000, gated=True, snap=behind.get) == passed(
        frames, 1_000_000, gated=False, snap=behind.get
    )


def test_most_answers_of_large_services_are_taken() -> None:
    pipeline, frames = Pipeline(CATALOG), answers(each=10)
    for number, data in enumerate(frames):
        if not pipeline.gate.sluice.skip(data, 0, len(data), START_NS + number, len(data)):
            pipeline.feed(Frame(START_NS + number, 1, memoryview(data), len(data)))
    assert 0.2 < pipeline.gate.skipped / len(frames) < 0.6  # of plain shapes, and of no flagged name


@settings(max_examples=30, deadline=None)
@example(4103498, 1_000)  # a server's data before its client's SYN
@example(149, 400_000_000)  # a direction was known as quiet by the very segment that ended that
@example(15031, 1_000)  # a SYN was held though its server had been heard
@given(st.integers(0, 1 << 32), st.sampled_from([1_000, 3_000_000, 400_000_000]))
def test_a_jumble_of_all_there_is_says_the_same(seed: int, step_ns: int) -> None:
    chance = random.Random(seed)
    everything = [
        *conversations(next(iter(SHAPES))),
        *workload("dns"),
        *workload("tls"),
        *workload("mix"),
        *workload("quic"),
    ]
    chosen = chance.sample(everything, 400)
    frames = [*chosen, *replies(tuple(chosen), chance), *chance.sample(chosen, 200)]
    assert passed(frames, step_ns, gated=True) == passed(frames, step_ns, gated=False)


@pytest.mark.parametrize("name", workloads.WORKLOADS)
def test_the_gate_takes_what_there_is_most_of(name: str) -> None:
    pipeline = Pipeline(CATALOG)
    for number, data in enumerate(workload(name)):
        if not pipeline.gate.sluice.skip(data, 0, len(data), START_NS + number, len(data)):
            pipeline.feed(Frame(START_NS + number, 1, memoryview(data), len(data)))
    share = pipeline.gate.skipped / len(workload(name))
    assert (
        share
        > {
            "dns": 0.9,
            "tls": -1,
            "mix": 0.5,
            "distinct": 0.9,
            "quic": 0.3,
            "browsing": 0.5,
            "http": 0.5,
            "midflow": -1,
            "hunt": 0.5,
        }[name]
    )


@pytest.mark.parametrize("seed", range(6))
def test_changed_frames_say_the_same(seed: int) -> None:
    chance = random.Random(seed)
    real = [*conversations("plain"), *workload("dns"), *workload("mix"), *datagrams()]
    frames = []
    for data in [*real, *replies(tuple(real), chance)]:
        odd = bytearray(data)
        for _ in range(chance.choice((0, 0, 1, 3))):
            odd[chance.randrange(len(odd))] = chance.randrange(256)
        frames.append(bytes(odd[: chance.choice((len(odd), chance.randrange(len(odd))))]))
    assert passed(frames, 300_000, gated=True) == passed(frames, 300_000, gated=False)
