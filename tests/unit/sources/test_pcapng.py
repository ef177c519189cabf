import io
import struct

import pytest

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.bytestream import ByteStream
from egret.sources.pcapng import read_pcapng
from tests.support.net import block, enhanced, interface, option, section


def frames(data: bytes, step: int = 1 << 20) -> list[Frame]:
    raw = io.BytesIO(data)
    return list(read_pcapng(ByteStream(lambda size: raw.read(min(size, step)))))


def broken(data: bytes) -> tuple[list[bytes], str]:
    raw = io.BytesIO(data)
    seen: list[bytes] = []
    with pytest.raises(SourceError) as error:
        seen.extend(bytes(frame.data) for frame in read_pcapng(ByteStream(raw.read)))
    return seen, str(error.value)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("step", [1, 9, 1 << 20])
def test_interfaces_keep_their_link_type_and_name(order: str, step: int) -> None:
    data = (
        section(order)
        + interface(1, option(2, b"eth0", order) + option(0, b"", order), order)
        + interface(113, order=order)
        + enhanced(b"on the second", number=1, order=order)
        + enhanced(b"on the first", order=order)
    )
    found = frames(data, step)
    assert [(bytes(f.data), f.linktype, f.interface) for f in found] == [
        (b"on the second", 113, None),
        (b"on the first", 1, "eth0"),
    ]


def test_sections_of_different_byte_order() -> None:
    data = b"".join(section(o) + interface(1 + i, order=o) + enhanced(b"x", order=o) for i, o in enumerate("<><"))
    assert [frame.linktype for frame in frames(data)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("resolution", "units", "time_ns"),
    [
        (None, 5, 5_000),
        (0, 3, 3_000_000_000),
        (3, 5, 5_000_000),
        (9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
        (12, 5_999, 5),
        (0x80, 7, 7_000_000_000),
        (0x80 | 10, 512, 500_000_000),
        (0x80 | 32, 1 << 31, 500_000_000),
        (0xFF, 1, 0),
        (0x7F, 1, 0),
    ],
)
def test_resolutions(resolution: int | None, units: int, time_ns: int) -> None:
    options = b"" if resolution is None else option(9, bytes([resolution]))
    (frame,) = frames(section() + interface(1, options) + enhanced(b"x", units))
    assert frame.time_ns == time_ns


def test_offset_of_the_clock() -> None:
    options = option(14, struct.pack("<q", -2)) + option(9, b"\x09")
    (frame,) = frames(section() + interface(1, options) + enhanced(b"x", 5_000_000_001))
    assert frame.time_ns == 3_000_000_001


def test_simple_packets_take_the_last_time() -> None:
    data = section() + interface(1, snaplen=4) + enhanced(b"x", 9) + block(3, struct.pack("<I", 6) + b"abcd")
    simple = frames(data)[1]
    assert (bytes(simple.data), simple.wire_length, simple.time_ns) == (b"abcd", 6, 9_000)


def test_old_packet_blocks() -> None:
    body = struct.pack("<HHIIII", 0, 3, 0, 8, 2, 5) + b"ab"
    (frame,) = frames(section() + interface() + block(2, body))
    assert (bytes(frame.data), frame.wire_length, frame.time_ns) == (b"ab", 5, 8_000)


def test_other_blocks_and_options_are_passed_over() -> None:
    names, statistics, custom = block(4, b"\0\0\0\0"), block(5, bytes(12)), block(0x0BAD, b"ours")
    data = section() + names + interface(1, option(2, b"a") + b"\x09\0\xff\0") + statistics + enhanced(b"x") + custom
    assert frames(data)[0].interface == "a"


def test_lengths_without_padding() -> None:
    head = struct.pack("<IIIIIII", 6, 33, 0, 0, 0, 1, 1)
    data = section() + interface() + head + b"x\0\0\0" + struct.pack("<I", 33) + enhanced(b"y")
    assert [bytes(frame.data) for frame in frames(data)] == [b"x", b"y"]


def test_the_rest_is_read_when_one_block_is_wrong() -> None:
    wrong = block(6, struct.pack("<IIIII", 0, 0, 0, 500, 500) + b"short")
    seen, message = broken(section() + interface() + enhanced(b"a") + wrong + enhanced(b"b"))
    assert seen == [b"a", b"b"]
    assert (
        message
        == "the block at byte 84, after packet 1, holds fewer bytes than the 500 that it claims; it was left out"
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (enhanced(b"x", number=4), "names interface 4"),
        (block(6, b"abc"), "shorter than a packet's own fields"),
        (block(3, b""), "simple packet"),
        (block(1, b"abc"), "no usable interface"),
        (struct.pack("<II", 6, 8) + bytes(4), "claims 8 bytes"),
        (struct.pack("<II", 6, 0xFFFFFFFC) + bytes(40), "claims 4294967292 bytes"),
        (struct.pack("<II", 0xBAD, 0xFFFFFFFC) + bytes(40), "is cut off"),
        (struct.pack("<III", 0x0A0D0D0A, 28, 7) + bytes(16), "unknown byte order"),
    ],
)
def test_damage_says_where(wrong: bytes, says: str) -> None:
    seen, message = broken(section() + interface() + enhanced(b"a") + wrong)
    assert seen == [b"a"]
    assert says in message
    assert "after packet 1" in message


def test_huge_blocks_of_no_use_are_passed_over_unread() -> None:
    size = 20 << 20
    huge = struct.pack("<II", 0xBAD, size) + bytes(size - 12) + struct.pack("<I", size)
    assert [bytes(frame.data) for frame in frames(section() + interface() + huge + enhanced(b"x"))] == [b"x"]


def test_a_simple_packet_needs_an_interface() -> None:
    assert "simple packet" in broken(section() + block(3, struct.pack("<I", 1) + b"a"))[1]
