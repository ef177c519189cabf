"""The short walk over a hello says what the reader says, or nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.workloads import tls_connections
from egret.decode.plain_hello import MAX_PLAIN, NO_ECH, awaited_of_plain, read_plain
from egret.decode.tls import read_hello
from egret.model import Recognition
from tests.support.hello import client_hello, ech_outer, openssl_hello, records

_SEGMENTS = (segments[2:] for _, segments in tls_connections(random.Random(5)))
SEEDS = [
    openssl_hello("chat.qwen.ai"),
    records(client_hello(b"one.example"), []),
    records(client_hello(b"two.example", extensions=[ech_outer(200)])),
    *(b"".join(frame[54:] for frame in next(_SEGMENTS)) for _ in range(6)),
]


def check(data: bytes) -> None:
    plain = read_plain(data)
    if plain is None:
        return
    host, ech = plain
    read = read_hello(data)
    assert read.recognition is Recognition.YES
    assert read.hello is not None
    assert (read.hello.server_name, read.hello.anomaly) == (host, None)
    assert (read.hello.ech, read.hello.ech_config_id) == ((False, None) if ech == NO_ECH else (True, ech))
    assert not read.hello.esni


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_seeds_are_plain(seed: int) -> None:
    assert read_plain(SEEDS[seed]) is not None
    check(SEEDS[seed])


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_every_byte_may_be_another(seed: int) -> None:
    for at in range(len(SEEDS[seed])):
        for change in (0, 1, 0x7F, 0x80, 0xFF, SEEDS[seed][at] ^ 1, (SEEDS[seed][at] + 1) & 0xFF):
            odd = bytearray(SEEDS[seed])
            odd[at] = change
            check(bytes(odd))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6))
def test_several_bytes_may_be_others(seed: bytes, changes: list[tuple[int, int]]) -> None:
    odd = bytearray(seed)
    for at, value in changes:
        odd[at % len(odd)] = value
    check(bytes(odd))


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_what_is_awaited_is_what_the_reader_awaits(seed: int) -> None:
    chance = random.Random(seed)
    for end in range(len(SEEDS[seed]) + 1):
        part = bytearray(SEEDS[seed][:end])
        for odd in (False, True):
            if odd and part:
                part[chance.randrange(min(len(part), 11))] = chance.choice((0, 1, 0xFF, chance.randrange(256)))
            needed, read = awaited_of_plain(bytes(part)), read_hello(bytes(part))
            if needed:
                assert read == (Recognition.NEED_MORE, None, needed, None, 0)
    assert awaited_of_plain(SEEDS[seed][:-1]) == len(SEEDS[seed]) < MAX_PLAIN
    assert awaited_of_plain(SEEDS[seed]) == 0
