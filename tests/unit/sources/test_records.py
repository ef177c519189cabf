"""Records: what is taken moves the cursor, and every way to break says where."""

from __future__ import annotations

import io
import struct

import pytest

from egret.errors import SourceError
from egret.sources.bytestream import ByteStream, StreamBroken
from egret.sources.records import Record, Records, file_header, walk

LAYOUT = struct.Struct("<I")


def stream(data: bytes) -> ByteStream:
    return ByteStream(io.BytesIO(data).read)


def test_a_walk_ends_where_the_reader_says() -> None:
    data = LAYOUT.pack(3) + b"one" + LAYOUT.pack(0) + LAYOUT.pack(3) + b"two"
    frames = walk(stream(data), LAYOUT, lambda f: Record(7, 5, f[0], 0, 4) if f[0] else None)
    assert [(frame.linktype, frame.time_ns, bytes(frame.data), frame.wire_length) for frame in frames] == [
        (7, 5, b"one", 3)
    ]


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (Record(1, 0, -1, 0, 4), "damaged"),
        (Record(1, 0, 1, 0, 4, -1), "damaged"),
        (Record(1, 0, 0, 0, 0), "no length"),
        (Record(1, 0, 9, 0, -1), "no length"),
    ],
)
def test_lengths_that_cannot_be(record: Record, what: str) -> None:
    with pytest.raises(SourceError, match=what):
        Records(stream(bytes(90))).take(record)


def test_the_end_within_a_record() -> None:
    records = Records(stream(bytes(9)))
    with pytest.raises(SourceError, match="packet 1, at byte 0, is cut off"):
        records.take(Record(1, 0, 9, 0, 4))
    with pytest.raises(SourceError, match="cut off"):
        records.skip(10)
    assert not records.load(1)


def test_a_file_that_cannot_be_read_any_further() -> None:
    def read(_size: int) -> bytes:
        raise OSError(5, "Input/output error")

    records = Records(ByteStream(read))
    with pytest.raises(SourceError, match="cannot be had"):
        records.load(1)
    with pytest.raises(SourceError, match="cannot be had"):
        records.skip(1)


def test_a_header() -> None:
    source = stream(b"headerrest")
    assert (file_header(source, 6), source.peek(9)) == (b"header", b"rest")
    with pytest.raises(SourceError, match="4 of 5 bytes"):
        file_header(source, 5)
    assert issubclass(StreamBroken, SourceError)
