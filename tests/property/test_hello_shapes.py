"""Whatever shape a hello is cut into, the observation is the same; whatever the bytes, nothing raises."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.quic import parse_frames, parse_packets
from egret.decode.tls import parse_client_hello, read_hello
from egret.errors import DecodeError
from egret.model import Frame, Observation
from egret.track.observer import Observer
from tests.support.hello import (
    START_NS,
    Tcp,
    client_hello,
    connections,
    crypto_frame,
    observations,
    openssl_hello,
    quic_initial,
    records,
    run,
    udp,
)

MESSAGES = [client_hello(), client_hello(key_share=1216), openssl_hello("chat.qwen.ai")[5:]]
HTTP = b"POST /v1/chat HTTP/1.1\r\nUser-Agent: x\r\nHost: chat.qwen.ai\r\nContent-Length: 5\r\n\r\nhello"
CONNECT = b"CONNECT chat.qwen.ai:443 HTTP/1.1\r\nHost: chat.qwen.ai:443\r\n\r\n"
SEEDS = [*(records(message) for message in MESSAGES), HTTP, CONNECT + records(MESSAGES[0])]

sizes = st.lists(st.integers(1, 400), max_size=12)
randoms = st.randoms(use_true_random=False)


def plain(observation: Observation) -> tuple[object, ...]:
    return (
        observation.protocol,
        observation.kind,
        observation.name,
        observation.client,
        observation.server,
        dict(observation.attributes),
    )


def what(frames: list[Frame]) -> list[tuple[object, ...]]:
    return [plain(observation) for observation in observations(run(frames))]


def shuffled(frames: list[Frame], rng: random.Random, copies: int) -> list[Frame]:
    frames = frames + rng.choices(frames, k=copies)
    rng.shuffle(frames)
    return frames


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MESSAGES), sizes, sizes, randoms, st.integers(0, 4), st.booleans())
def test_tls_in_any_segments_and_records(
    message: bytes, split: list[int], cuts: list[int], rng: random.Random, copies: int, syn: bool
) -> None:
    tcp = Tcp(isn=rng.randrange(1 << 32))
    whole = what([tcp.syn(), *tcp.stream(records(message))])
    opening = tcp.handshake() if syn else []
    frames = [*opening, *shuffled(tcp.stream(records(message, split), cuts), rng, copies)]
    assert what(frames) == whole
    assert len(connections(run(frames))) == 1


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([HTTP, CONNECT + records(MESSAGES[0])]), sizes, randoms, st.integers(0, 4))
def test_http_in_any_segments(stream: bytes, cuts: list[int], rng: random.Random, copies: int) -> None:
    tcp = Tcp(dport=8080)
    whole = what([tcp.syn(), tcp.send(0, stream)])
    frames = shuffled(tcp.stream(stream, cuts), rng, copies)
    assert whole
    assert what([*tcp.handshake(), *frames]) == whole
    assert len(connections(run([*tcp.handshake(), *frames]))) == 1


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(MESSAGES), st.lists(st.integers(1, 1500), max_size=10), st.integers(1, 4), randoms)
def test_quic_crypto_in_any_order(message: bytes, cuts: list[int], packets: int, rng: random.Random) -> None:
    ends = sorted({0, len(message), *(cut for cut in cuts if cut < len(message))})
    pieces = [(start, message[start:end]) for start, end in pairwise(ends)]
    pieces += [(start, message[start : start + 50]) for start in cuts if start < len(message)]
    rng.shuffle(pieces)
    frames = [
        udp(quic_initial(b"".join(crypto_frame(*piece) for piece in pieces[at::packets]), number=at), 50000, 443)
        for at in range(packets)
    ]
    (whole,) = what([udp(quic_initial(crypto_frame(0, message)), 50000, 443)])
    assert what(frames) == [whole]
    assert len(connections(run(shuffled(frames, rng, 3)))) == 1


@pytest.mark.parametrize("stream", SEEDS)
def test_every_cut_of_a_stream_raises_nothing_and_says_nothing_else(stream: bytes) -> None:
    names = {"chat.qwen.ai"}
    for size in range(len(stream)):
        tcp = Tcp()
        events = run([*tcp.handshake(), tcp.send(0, stream[:size])])
        assert {observation.name for observation in observations(events)} <= names
        assert len(connections(events)) == 1


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_changed_stream_is_a_value_never_an_error(seed: bytes, changes: list[tuple[int, int]]) -> None:
    stream = bytearray(seed)
    for at, byte in changes:
        stream[at % len(stream)] = byte
    read_hello(bytes(stream))
    read_hello(bytes(stream), final=True)
    tcp = Tcp()
    assert len(connections(run([*tcp.handshake(), *tcp.stream(bytes(stream), [100])]))) == 1


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(MESSAGES), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8)
)
def test_a_changed_message_is_a_hello_or_a_decode_error(seed: bytes, changes: list[tuple[int, int]]) -> None:
    message = bytearray(seed)
    for at, byte in changes:
        message[at % len(message)] = byte
    try:
        parse_client_hello(bytes(message))
    except DecodeError:
        return


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=60))
def test_any_quic_bytes(payload: bytes, head: bytes) -> None:
    parse_frames(payload)
    run([udp(quic_initial(payload), 50000, 443), udp(b"\xc0\x00\x00\x00\x01" + head, 50000, 443)])
    try:
        parse_packets(b"\xc0\x00\x00\x00\x01" + head)
    except DecodeError:
        return


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.binary(max_size=80), st.integers(0, 255), st.integers(0, 1 << 32), st.booleans()), max_size=12
    )
)
def test_any_segments_of_a_flow(segments: list[tuple[bytes, int, int, bool]]) -> None:
    tcp, observer = Tcp(), Observer()
    for payload, flags, offset, reverse in segments:
        observer.feed((tcp.reply if reverse else tcp.send)(offset, payload, flags))
    observer.flush()
    observer.expire(START_NS + 10**15)
    assert observer.streams._flows.held == 0
