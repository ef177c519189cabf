from __future__ import annotations

import struct

import pytest

from egret.worker import orders
from tests.support.sluices import bulk, ordinary

BOTH = pytest.mark.parametrize("order", ["<", ">"])
RECORD = b"\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"


@BOTH
@pytest.mark.parametrize("header", [16, 24])
def test_a_segment_s_numbers_say_what_its_bytes_do(order: str, header: int) -> None:
    frame = bulk(4, bytes(300), flags=0x18)
    record = RECORD + bytes(header - 16) + frame
    *times, kind, length, fate, ends, begin = orders.record(order, header, orders.SEGMENT).unpack_from(record)
    told = orders.tables(order)
    assert tuple(times) == struct.unpack(order + "IIII", RECORD)
    assert kind in told.plain
    assert told.lengths[length] == 340
    assert length not in told.short
    assert fate in told.tcp
    assert fate not in told.udp
    assert ends == frame[26:38]
    assert begin in told.calm
    assert told.places[begin] == (54, 0x18)


@BOTH
def test_a_look_up_s_numbers_say_what_its_bytes_do(order: str) -> None:
    question, answer = ordinary()[:2]
    for frame, answers in ((question, False), (answer, True)):
        fields = orders.record(order, 16, orders.LOOKUP).unpack_from(RECORD + frame)
        _, _, _, _, kind, length, fate, addresses, source, port, size, side = fields
        assert kind in orders.tables(order).plain
        assert fate in orders.tables(order).udp
        assert addresses == frame[26:34]
        assert (source if answers else port) == orders.port_number(order, 53)
        assert orders.datagram_lengths()[length] == size == (len(frame) - 34).to_bytes(2)
        assert (side >= 0x80) == answers


@BOTH
def test_fragments_are_of_no_protocol_and_what_settles_is_not_calm(order: str) -> None:
    number = struct.Struct(order + "I").unpack
    for head, whole in ((b"\x40\0", True), (b"\0\0", True), (b"\x20\0", False), (b"\0\1", False)):
        assert (number(head + b"\x40\x06")[0] in orders.wholes(order, orders.TCP)) == whole
    begin = struct.Struct(order + "H").unpack
    for flags in range(256):
        assert (begin(bytes((0x80, flags)))[0] in orders.calm_places(order)) == (flags & 7 == 0)
    assert begin(b"\x40\x10")[0] not in orders.places_of(order)


@BOTH
def test_packets_that_may_end_in_their_headers_are_short(order: str) -> None:
    number = struct.Struct(order + "H").unpack
    assert {length for length in range(1 << 16) if number(length.to_bytes(2))[0] in orders.short_lengths(order)} == set(
        range(80)
    )
