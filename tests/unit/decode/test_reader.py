from collections.abc import Callable
from struct import Struct

import pytest

from egret.decode.reader import Reader, unpack
from egret.errors import Malformed, Reason, Truncated


def test_reads_in_order() -> None:
    reader = Reader(b"\x01\x02\x03\x04\x05")
    assert reader.uint(1) == 1
    assert reader.take(2) == b"\x02\x03"
    reader.skip(1)
    assert reader.remaining == 1
    assert reader.rest() == b"\x05"


def test_short_outside_a_block_is_truncated_and_moves_nothing() -> None:
    reader = Reader(b"\x01")
    with pytest.raises(Truncated):
        reader.uint(2)
    assert reader.offset == 0


def test_block_beyond_the_data_is_truncated() -> None:
    with pytest.raises(Truncated):
        Reader(b"\x05abc").block(1)


def _overrun(reader: Reader) -> None:
    with reader.block(1):
        reader.take(3)


def _leave_early(reader: Reader) -> None:
    with reader.block(1):
        reader.take(1)


@pytest.mark.parametrize("read", [_overrun, _leave_early])
def test_a_block_is_read_to_its_last_byte_and_no_further(read: Callable[[Reader], None]) -> None:
    with pytest.raises(Malformed) as error:
        read(Reader(b"\x02abc"))
    assert error.value.reason is Reason.BAD_LENGTH


def test_block_beyond_the_block_around_it_is_malformed() -> None:
    reader = Reader(b"\x02\x05abcdefgh")
    with pytest.raises(Malformed), reader.block(1):
        reader.block(1)


def test_after_a_block_the_outer_bounds_hold_again() -> None:
    reader = Reader(b"\x01a\x02bc!")
    with reader.block(1):
        assert reader.rest() == b"a"
    with reader.block(1) as inner, inner.span(2):
        assert inner.rest() == b"bc"
    assert reader.take(1) == b"!"
    with pytest.raises(Truncated):
        reader.take(1)


def test_an_error_inside_a_block_is_not_covered_by_another() -> None:
    reader = Reader(b"\x02ab")
    with pytest.raises(KeyError), reader.block(1):
        raise KeyError


@pytest.mark.parametrize(
    ("wire", "value"),
    [("25", 37), ("7bbd", 15293), ("9d7f3e7d", 494878333), ("c2197c5eff14e88c", 151288809941952652)],
)
def test_varint_of_rfc_9000_appendix_a(wire: str, value: int) -> None:
    reader = Reader(bytes.fromhex(wire))
    assert reader.varint() == value
    assert reader.remaining == 0


def test_unpack_checks_the_bounds() -> None:
    assert unpack(Struct("!H"), b"\x00\x01\x02", 1) == (0x0102,)
    with pytest.raises(Truncated):
        unpack(Struct("!H"), b"\x00\x01\x02", 2)
