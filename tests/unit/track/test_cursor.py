from __future__ import annotations

from egret.track.cursor import Cursor


def test_bytes_in_any_order_are_read_once() -> None:
    cursor = Cursor(0xFFFFFFFE, 100)  # the sequence numbers wrap
    assert cursor.add(1, b"def")
    assert (cursor.data(), cursor.held > 0) == (b"", True)
    assert cursor.add(0xFFFFFFFE, b"abc")
    assert cursor.data() == b"abcdef"
    cursor.advance(2)
    assert cursor.data() == b"cdef"
    assert not cursor.add(0xFFFFFFFE, b"XX")  # read before
    assert not cursor.add(0, b"XXXX")  # the first copy counts
    cursor.advance(4)
    assert (cursor.data(), cursor.held) == (b"", 0)


def test_bytes_that_need_not_be_read_need_not_come() -> None:
    cursor = Cursor(0, 100)
    cursor.add(0, b"head")
    cursor.advance(4 + 1000)
    assert not cursor.add(4, b"b" * 100)
    assert cursor.add(1004, b"next")
    assert cursor.data() == b"next"


def test_what_is_kept_is_bounded() -> None:
    far = Cursor(0, 100)
    assert not far.add(101, b"x")
    assert far.full
    much = Cursor(0, 100)
    assert much.add(0, b"x" * 5000)
    assert much.full
    assert len(much.data()) == 100
    much.restart(7)
    assert not much.full


def test_a_place_is_kept_without_what_waits_there() -> None:
    cursor = Cursor(0xFFFFFFFE, 100)
    cursor.add(0xFFFFFFFE, b"abcd")
    cursor.advance(3)
    cursor.forget()
    assert (cursor.data(), cursor.held) == (b"", 0)
    assert [cursor.is_behind(seq) for seq in (0xFFFFFFFE, 0, 1, 2)] == [True, True, False, False]


def test_numbers_may_wrap_while_something_always_waits() -> None:
    cursor, step = Cursor(0, 1 << 20), 1 << 18
    for seq in range(0, 20_000 * step, step):  # five gigabytes
        assert cursor.add(seq, b"ab")
        assert cursor.add(seq + step, b"a")
        assert cursor.data() == b"ab"
        cursor.advance(step)


def test_a_place_that_nobody_reads_keeps_up() -> None:
    cursor, size = Cursor(0, 100), 1 << 28
    for seq in range(0, 40 * size, size):
        cursor.keep_up(seq & 0xFFFFFFFF)
        assert not cursor.is_behind(seq & 0xFFFFFFFF)
    cursor.keep_up(39 * size - 1000 & 0xFFFFFFFF)
    assert not cursor.is_behind(39 * size & 0xFFFFFFFF)
