from __future__ import annotations

import pytest

from egret.errors import Reason
from egret.model import Endpoint, Nameless
from egret.track.direction import key_of
from egret.track.late import LATE_START
from egret.track.middle import ENOUGH, LEAST, LIKE_ONE, is_middle
from egret.track.observer import Observer
from tests.support.hello import Tcp, anomalies, connections, openssl_hello, run, said

CLIENT, SERVER = Endpoint(b"\xc0\0\2\x0a", 40_000), Endpoint(b"\xc6\x33\x64\x14", 443)
KEY, OTHER = key_of(CLIENT, SERVER), key_of(SERVER, CLIENT)
NOISE = bytes((number * 167 + 200) % 256 for number in range(1400)).replace(b"\x16", b"\0")
HELLO = openssl_hello("one.example")
NAMED = [("tls", "client_hello", "one.example")]


@pytest.mark.parametrize(
    ("start", "passes"),
    [
        (b"\x17\3\3\x40\0", True),
        (b"\xff\xff\1", False),  # SSL 2.0
        (b"\x80\0\3", True),
        (b"\x16\3\1", False),
        (b"\3\0\0\x2a", False),  # RDP
        (b"\3\0\1\x2a", True),
        (b"\1\2\3\4\5\6\0\1", False),  # a question
        (b"GET ", False),
        (b"GET/", True),
        (b"G" * 30 + b"\n", False),
        (b"HTTP", False),
        (b"5\5", True),
        (b"", True),
    ],
)
def test_what_something_may_begin_with_is_none(start: bytes, passes: bool) -> None:
    assert is_middle(start + NOISE[len(start) :], 1400) == passes


def test_neither_is_what_is_short_or_text_or_has_a_hello_in_it() -> None:
    assert is_middle(LIKE_ONE, LEAST)
    assert is_middle(NOISE[:60], LEAST)  # cut off by the capture
    assert not is_middle(NOISE, LEAST - 1)
    assert not is_middle(NOISE[:5], LEAST)
    assert not is_middle(b"word " * 300, 1500)
    assert not is_middle(b"word " * 100 + NOISE, 1900)
    assert not is_middle(b"a\x16" + NOISE, 1402)
    for size in range(1, 7):
        assert not is_middle(NOISE + HELLO[:size], 1400 + size)
    assert not is_middle(NOISE[:700] + HELLO[:6] + NOISE[:700], 1406)
    assert is_middle(NOISE[:700] + b"\x16\3\x09" + NOISE[:700], 1403)


def test_after_a_few_of_both_sides_their_connection_is_known_to_have_begun_before() -> None:
    tcp, observer = Tcp(), Observer()
    frames = [tcp.reply(0, NOISE), tcp.send(0, NOISE), tcp.reply(1400, NOISE)]
    assert run(frames, observer, flush=False) == []
    assert observer.streams.young.held == 0
    (connection,) = connections(observer.feed(tcp.reply(2800, NOISE)))
    assert (connection.reason, connection.server.port) == (Nameless.MID_FLOW, 443)
    assert observer.streams.began_at(CLIENT, SERVER) == tcp.isn + 1
    assert [observer.streams.watched(*keys) for keys in ((KEY, OTHER), (OTHER, KEY))] == [LATE_START, LATE_START]
    assert said(run(tcp.stream(HELLO, [100]), observer)) == NAMED


def test_fewer_are_given_up_when_nothing_comes_any_more() -> None:
    tcp = Tcp()
    (connection,) = connections(run([tcp.reply(0, NOISE), tcp.send(1400, NOISE), tcp.send(0, NOISE)]))
    assert (connection.reason, connection.server.port) == (Nameless.MID_FLOW, 443)


def test_a_hello_behind_some_names_the_connection() -> None:
    tcp = Tcp()
    for frames in ([tcp.send(0, NOISE)], [tcp.send(1 << 20, NOISE)], [tcp.reply(0, NOISE)] * (ENOUGH - 1)):
        events = run([*frames, *(tcp.send(1400 + at, HELLO[at : at + 100]) for at in range(0, len(HELLO), 100))])
        assert said(events) == NAMED
        assert [connection.name for connection in connections(events)] == ["one.example"]


def test_a_beginning_that_is_looked_at_outlasts_the_bulk_of_the_other_side() -> None:
    tcp, observer = Tcp(), Observer()
    frames = [tcp.send(0, HELLO[:100]), *(tcp.reply(at * 1400, NOISE) for at in range(9))]
    assert run(frames, observer, flush=False) == []
    assert observer.streams.watched(OTHER, KEY) == LATE_START
    assert said(run([tcp.send(100, HELLO[100:])], observer)) == NAMED


def test_what_is_far_from_the_syn_ends_the_waiting() -> None:
    tcp, observer = Tcp(), Observer()
    run(tcp.handshake(), observer, flush=False)
    frames = [tcp.send((number + 1) << 20, NOISE) for number in range(ENOUGH)]
    (connection,) = connections(run(frames, observer, flush=False))
    assert connection.reason is Nameless.INCOMPLETE
    assert observer.streams.watched(KEY, OTHER) == LATE_START


def test_short_ones_are_looked_at_for_longer() -> None:
    tcp, observer = Tcp(), Observer()
    frames = [tcp.send(at * 100, NOISE[:100]) for at in range(48)]
    assert run(frames[:-1], observer, flush=False) == []
    (connection,) = connections(run(frames[-1:], observer, flush=False))
    assert connection.reason is Nameless.MID_FLOW


def test_a_cut_capture_is_no_different() -> None:
    tcp, observer = Tcp(), Observer()
    frames = [tcp.send(at * 1400, NOISE) for at in range(ENOUGH)]
    cut = [each._replace(data=each.data[: 14 + 20 + 20 + 40]) for each in frames]
    events = run(cut, observer, flush=False)
    assert [connection.reason for connection in connections(events)] == [Nameless.MID_FLOW]
    assert Reason.TRUNCATED not in [anomaly.reason for anomaly in anomalies(events)]
    assert key_of(CLIENT, SERVER) not in observer.streams.young.followed
