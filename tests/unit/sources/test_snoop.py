"""Snoop files: whole, cut at every byte, and lying about their lengths."""

from __future__ import annotations

import io
import struct

import pytest

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.bytestream import ByteStream
from egret.sources.snoop import MAGIC, read_snoop

PACKETS = [b"first", b"the second packet"]


def file(packets: list[bytes], *, datalink: int = 4, version: int = 2) -> bytes:
    parts = [MAGIC + struct.pack("!II", version, datalink)]
    for second, data in enumerate(packets):
        padded = data + bytes(-len(data) % 4)
        parts.append(struct.pack("!IIIIII", len(data) + 9, len(data), 24 + len(padded), 0, second, 7) + padded)
    return b"".join(parts)


def read(data: bytes) -> list[Frame]:
    raw = io.BytesIO(data)
    frames = read_snoop(ByteStream(raw.read))
    return [frame._replace(data=memoryview(bytes(frame.data))) for frame in frames]


def test_packets_with_times_and_lengths() -> None:
    found = read(file(PACKETS))
    assert [bytes(frame.data) for frame in found] == PACKETS
    assert [frame.time_ns for frame in found] == [7_000, 1_000_007_000]
    assert [frame.wire_length for frame in found] == [14, 26]


@pytest.mark.parametrize(("datalink", "linktype"), [(0, 1), (2, 6), (4, 1), (8, 10), (99, 0xFFFF)])
def test_link_types(datalink: int, linktype: int) -> None:
    assert read(file(PACKETS, datalink=datalink))[0].linktype == linktype


def test_cut_anywhere_says_where() -> None:
    whole = file(PACKETS)
    ends = {16, 16 + 24 + 8, len(whole)}
    for size in range(len(whole) + 1):
        if size in ends:
            read(whole[:size])
            continue
        with pytest.raises(SourceError, match="cut off"):
            read(whole[:size])


@pytest.mark.parametrize(("at", "value"), [(20, 0xFFFFFFFF), (24, 0), (24, 0xFFFFFFFF), (24, 25)])
def test_lengths_that_lie(at: int, value: int) -> None:
    data = bytearray(file(PACKETS))
    struct.pack_into("!I", data, at, value)
    with pytest.raises(SourceError, match="damaged"):
        read(bytes(data))


def test_another_version_is_refused() -> None:
    with pytest.raises(SourceError, match="version 3"):
        read(file([], version=3))
