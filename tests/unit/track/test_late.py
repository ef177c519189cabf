from __future__ import annotations

import random
from collections import Counter

from egret.decode.packet import Packet
from egret.track.late import LATE_START, RECORD_START, LateStarts, begins_hello, may_begin
from egret.track.tables import Remembered
from tests.support.beginnings import beginnings
from tests.support.hello import RST, Tcp, connections, observations, openssl_hello, run, said
from tests.support.net import decoded, ether, tcp

HELLO, OTHER = openssl_hello("one.example"), openssl_hello("two.example")
CHANGE = b"\x14\x03\x03\x00\x01\x01"
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
REQUEST = b"GET / HTTP/1.1\r\nHost: two.example\r\n\r\n"
NAMES = [("tls", "client_hello", "one.example"), ("tls", "client_hello", "two.example")]


def packet(payload: bytes, seq: int = 1000) -> Packet:
    return decoded(ether() / tcp(payload, seq=seq))


def test_what_may_begin_where() -> None:
    late = LateStarts(Remembered("late_hellos", 8, Counter()))
    assert not late.begins(1, packet(HELLO))
    assert begins_hello(packet(HELLO).payload)
    assert not begins_hello(packet(REQUEST).payload)
    late.expect(1)
    assert late.begins(1, packet(HELLO[:7]))
    assert late.begins(1, packet(REQUEST))
    assert not late.begins(1, packet(REQUEST[:9]))
    late.expect(2, behind=1000)
    assert late.begins(2, packet(CHANGE + HELLO))
    assert not late.begins(2, packet(HELLO, 999))
    assert not late.begins(2, packet(REQUEST))
    assert not late.begins(2, packet(b"\x17\x03\x03\x00\x05hello"))
    assert len(late) == 2
    late.forget(1)
    assert not late.begins(1, packet(REQUEST))


def test_what_may_not_begin_does_not() -> None:
    late = LateStarts(Remembered("late_hellos", 8, Counter()))
    late.expect(1)
    late.expect(2, behind=1000)
    found = 0
    for payload in beginnings():
        there = packet(payload)
        assert begins_hello(there.payload) <= may_begin(payload, 0, len(payload)), payload
        for key, starts in ((1, LATE_START), (2, RECORD_START)):
            begins = late.begins(key, there)
            found += begins
            assert begins <= (payload[0] in starts and may_begin(payload, 0, len(payload))), payload
            assert may_begin(b".." + payload + b"..", 2, 2 + len(payload)) == may_begin(payload, 0, len(payload))
    assert found > 50


def test_noise_begins_nothing() -> None:
    chance = random.Random(5)
    segments = [chance.choice(sorted(LATE_START)).to_bytes() + chance.randbytes(40) for _ in range(5000)]
    assert sum(may_begin(segment, 0, len(segment)) for segment in segments) < 50


def test_a_second_hello_in_the_clear() -> None:
    for between in (b"", CHANGE, ALERT, CHANGE + ALERT):
        stream = Tcp()
        second = between + OTHER
        frames = [
            stream.send(0, HELLO),
            stream.send(len(HELLO), second[:200]),
            stream.send(len(HELLO) + 200, second[200:]),
        ]
        events = run([*stream.handshake(), *frames, *frames])
        assert said(events) == NAMES
        assert len(connections(events)) == 1


def test_a_sealed_message_is_no_second_hello() -> None:
    stream = Tcp()
    sealed = b"\x16\x03\x03\x00\x28\x01" + bytes(39)
    frames = [stream.send(0, HELLO), stream.send(len(HELLO), CHANGE + sealed), stream.send(len(HELLO) + 51, bytes(900))]
    assert len(run([*stream.handshake(), *frames])) == 2


def test_a_request_behind_something_that_nobody_knows() -> None:
    for junk in (b"\0\1\2 binary", b"some text\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
        stream = Tcp(dport=80)
        frames = [stream.send(0, junk), stream.send(len(junk), REQUEST)]
        events = run([*stream.handshake(), *frames, *frames, stream.send(len(junk) + len(REQUEST), flags=RST)])
        assert [event.name for event in observations(events)] == ["two.example"]
        assert len(connections(events)) == 1
