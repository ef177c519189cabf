"""HTTP connections that the gate follows say and leave behind what they would if each request were read."""

from __future__ import annotations

import random
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from egret.decode.http import parse_request_head
from egret.decode.plain_request import read_plain
from egret.model import Recognition
from egret.track.limits import Limits
from egret.track.recognise import recognise_anywhere
from egret.track.requests import Requests
from tests.support.http_jumbles import changed, jumble, outcome, request
from tests.support.jumbles import STEPS_NS


@settings(max_examples=60, deadline=None)
@example(1, 400_000_000, 8_192)
@given(st.integers(0, 1 << 32), st.sampled_from(STEPS_NS), st.sampled_from([8_192, 5, 1]))
def test_connections_that_cross_say_the_same_followed_or_not(seed: int, step_ns: int, most: int) -> None:
    frames, limits = jumble(random.Random(seed), 30), Limits(http_flows=most)
    with patch.object(Requests, "_lay_down", lambda *_: None):
        told = outcome(frames, step_ns, limits, gated=False)
    assert outcome(frames, step_ns, limits, pure=True) == told
    assert outcome(frames, step_ns, limits) == told


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 32))
def test_a_plain_request_says_what_the_reader_says(seed: int) -> None:
    chance = random.Random(seed)
    whole = request(chance)
    for odd in (whole, *(changed(whole, chance) for _ in range(20))):
        data = odd[: chance.choice((len(odd), len(odd), chance.randrange(len(odd) + 1)))]
        plain = read_plain(data)
        if plain is None:
            continue
        head = parse_request_head(data)
        assert head is not None
        assert head.body is not None
        assert (head.name, head.host, head.others) == (plain.host.decode(), plain.host.decode(), ())
        assert (head.size + head.body, head.is_connect, head.chunked) == (plain.size, False, False)
        found = recognise_anywhere(data)
        assert found.recognition is Recognition.YES
        assert found.said is not None
        assert found.said.name == head.name
