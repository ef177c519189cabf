from __future__ import annotations

from egret.model import Endpoint
from egret.track.flow import Flow

CLIENT, SERVER = Endpoint(b"\xc0\x00\x02\x0a", 40000), Endpoint(b"\xc6\x33\x64\x14", 443)


def flow(*, syn: int | None = None, limit: int = 1000) -> Flow:
    made = Flow(1, CLIENT, SERVER, "lan0", limit)
    if syn is not None:
        made.begin_at((syn + 1) & 0xFFFFFFFF)
    return made


def put(target: Flow, seq: int, data: bytes) -> bool:
    return target.add(seq & 0xFFFFFFFF, memoryview(data))


def test_sequence_numbers_wrap() -> None:
    stream = flow(syn=0xFFFFFFFC)
    assert put(stream, 0xFFFFFFFF, b"cdef")
    assert put(stream, 0xFFFFFFFD, b"ab")
    assert (stream.data(), stream.available(), stream.first_seq()) == (b"abcdef", 6, 0xFFFFFFFD)


def test_nothing_before_the_syn_and_nothing_far_beyond() -> None:
    stream = flow(syn=99)
    assert not put(stream, 50, b"before")
    assert put(stream, 98, b"xxabc")
    assert not put(stream, 5000, b"far")
    assert [stream.is_near(seq) for seq in (50, 100, 1100, 5000)] == [True, True, True, False]
    assert stream.data() == b"abc"
    assert not flow().data()
    assert flow().available() == 0
    assert list(flow().runs()) == []


def test_without_a_syn_the_lowest_byte_is_first() -> None:
    stream = flow()
    stream.anchor = 500
    put(stream, 500, b"def")
    put(stream, 497, b"abc")
    put(stream, 600, b"beyond")
    assert stream.data() == b"abcdef"
    assert [run for _, run in stream.runs()] == [b"abcdef", b"beyond"]
    assert stream.first_seq() == 497


def test_the_syn_cuts_off_what_came_before_it() -> None:
    stream = flow()
    stream.anchor = 500
    put(stream, 500, b"abcdef")
    put(stream, 510, b"x")
    stream.begin_at(502)
    assert stream.data() == b"cdef"
    put(stream, 506, b"ghij")
    assert stream.data() == b"cdefghijx"


def test_a_lone_byte_in_a_hole_waits() -> None:
    stream = flow(syn=99)
    put(stream, 100, b"ab")
    put(stream, 105, b"\x00")
    assert put(stream, 102, b"cd")
    assert stream.data() == b"abcd"
    assert put(stream, 104, b"efgh")
    assert stream.data() == b"abcdefgh"


def test_lone_bytes_fill_what_nothing_else_fills() -> None:
    stream = flow(syn=99)
    for at, byte in ((102, b"c"), (101, b"b"), (100, b"a")):
        put(stream, at, byte)
    assert stream.data() == b"abc"
    backwards = flow()
    backwards.anchor = 102
    for at, byte in ((102, b"c"), (101, b"b"), (100, b"a")):
        put(backwards, at, byte)
    assert backwards.available() == 0
    backwards.use_all_weak()
    assert backwards.data() == b"abc"


def test_lone_bytes_are_bounded_and_charged() -> None:
    stream = flow(syn=99, limit=10)
    for at in range(5, 50, 2):
        put(stream, 100 + at, b"x")
    assert len(stream._weak) <= 10
    first = stream.charge()
    assert first == stream.cost > 500
    assert stream.charge() == 0


def test_another_message_behind_the_first() -> None:
    stream = flow(syn=99, limit=8)
    put(stream, 100, b"CONNECT!")
    assert not stream.full
    stream.go_on_behind(7)
    assert (stream.data(), stream.first, stream.sure, stream.needed) == (b"!", 7, True, 1)
    put(stream, 108, b"more")
    assert stream.full


def test_a_later_part_remembers_where_the_connection_began() -> None:
    stream = flow(syn=99)
    stream.origin = 7
    assert stream.first_seq() == 7
