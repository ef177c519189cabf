"""ERF files: known by what their records look like, read as link type 197."""

from __future__ import annotations

import io

import pytest

from egret.decode.packet import decode_packet
from egret.errors import SourceError
from egret.model import Frame
from egret.sources.bytestream import ByteStream
from egret.sources.erf import looks_like_erf, read_erf
from tests.support.net import HELLO, ether, tcp
from tests.support.old_captures import START_S, erf

PACKET = bytes(ether() / tcp(HELLO))


def read(data: bytes) -> list[Frame]:
    frames = read_erf(ByteStream(io.BytesIO(data).read))
    return [frame._replace(data=memoryview(bytes(frame.data))) for frame in frames]


def test_records_and_what_is_in_them() -> None:
    found = read(erf([PACKET, PACKET]))
    assert [(frame.linktype, frame.time_ns) for frame in found] == [
        (197, START_S * 10**9),
        (197, (START_S + 1) * 10**9),
    ]
    packets = [decode_packet(frame) for frame in found]
    assert [bytes(packet.payload) for packet in packets if packet] == [HELLO, HELLO]


def test_padding_is_no_packet() -> None:
    assert read(erf([bytes(8)], 48)) == []


@pytest.mark.parametrize("count", [1, 2, 5])
def test_what_looks_like_it(count: int) -> None:
    assert looks_like_erf(erf([PACKET] * count))


@pytest.mark.parametrize(
    "data",
    [b"", bytes(80), b"\xff" * 80, b"text of some kind " * 9, erf([PACKET], 99), erf([PACKET])[:-1] + b"12345678"],
)
def test_what_does_not(data: bytes) -> None:
    assert not looks_like_erf(data)


def test_cut_anywhere() -> None:
    whole = erf([PACKET])
    for size in range(1, len(whole)):
        with pytest.raises(SourceError, match="cut off"):
            read(whole[:size])
    with pytest.raises(SourceError, match="damaged"):
        read(whole[:10] + b"\0\3" + whole[12:])
