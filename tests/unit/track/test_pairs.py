from __future__ import annotations

from collections import Counter

from egret.decode.quic import Frames
from egret.decode.quic_keys import VERSION_1
from egret.model import Endpoint
from egret.track.attempt import Pair
from egret.track.direction import ends_of
from egret.track.pairs import Pairs, restored
from tests.support.hello import client_hello

ENDS = ends_of(Endpoint(b"\xc0\0\2\1", 40_000), Endpoint(b"\xcb\0\x71\1", 443))


def pair(key: int, last_ns: int) -> Pair:
    one = Pair(key, ENDS, None)
    one.last_ns = last_ns
    return one


def test_the_oldest_goes_and_what_is_unused_is_found() -> None:
    evictions = Counter[str]()
    pairs = Pairs(2, evictions)
    assert pairs.oldest() is None
    one, two, three = (pair(key, key * 10) for key in (1, 2, 3))
    assert [pairs.put(each.key, each) for each in (one, two, three)] == [None, None, one]
    assert pairs.oldest() is two
    assert pairs.unused_since(20, 20) == [two]
    pairs.touch(2)
    assert pairs.oldest() is three
    pairs.set_back(5)
    assert (two.last_ns, three.last_ns, evictions) == (5, 5, {"quic_flows": 1})


def test_a_pair_is_as_it_was_kept() -> None:
    hello = client_hello(b"www.example.org")
    again = restored(ENDS, "lan0", b"12345678", True, False, (b"id",), ((0, hello[:50]), (60, hello[60:])), 7)
    (attempt,) = again.attempts
    assert (again.key, again.ends.interface, again.last_ns, again.server_ids) == (hash(ENDS), "lan0", 7, (b"id",))
    assert (attempt.dcid, attempt.version, attempt.has_token, attempt.done) == (b"12345678", VERSION_1, True, False)
    assert again.cost == again.now() == 200 + len(hello) - 10 + 2 * 160
    assert not attempt.whole
    attempt.put(Frames(((50, hello[50:60]),), False, None))
    assert attempt.whole == hello


def test_of_one_that_was_counted_only_the_id_is_left() -> None:
    again = restored(ENDS, None, b"12345678", False, True, (), (), 7)
    (attempt,) = again.attempts
    assert (attempt.done, attempt.chlo, again.cost, again.now()) == (True, False, 200, 200)
