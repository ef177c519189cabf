"""Old analysers' captures: whole, cut at every byte, and lying about their lengths."""

from __future__ import annotations

import io

import pytest

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.analysers import FORMATS
from egret.sources.bytestream import ByteStream
from tests.support.old_captures import ANALYSERS, START_S, netxray, sniffer

PACKETS = [bytes(range(60)), b"\xee" * 77]
WITHOUT_DATE, WITHOUT_WIRE_LENGTH = {"LANalyzer"}, {"5View", "Sniffer", "iptrace 1.0", "iptrace 2.0"}


def read(data: bytes) -> list[Frame]:
    frames = FORMATS[data[:4]](ByteStream(io.BytesIO(data).read))
    return [frame._replace(data=memoryview(bytes(frame.data))) for frame in frames]


@pytest.mark.parametrize("name", ANALYSERS)
def test_packets_with_times_and_lengths(name: str) -> None:
    found = read(ANALYSERS[name](PACKETS))
    assert [bytes(frame.data) for frame in found] == PACKETS
    assert {frame.linktype for frame in found} == {1}
    more = 0 if name in WITHOUT_WIRE_LENGTH else 9
    assert [frame.wire_length - len(frame.data) for frame in found] == [more, more]
    assert found[1].time_ns - found[0].time_ns == pytest.approx(1_000_000_000, abs=2000)
    start_s = found[0].time_ns // 1_000_000_000
    assert name in WITHOUT_DATE or start_s == pytest.approx(START_S, abs=86_400 / 2)


@pytest.mark.parametrize("name", ANALYSERS)
def test_cut_anywhere_is_packets_or_an_error(name: str) -> None:
    whole = ANALYSERS[name](PACKETS)
    for size in range(8, len(whole)):
        try:
            found = read(whole[:size])
        except SourceError as error:
            assert "cut off" in str(error) or "damaged" in str(error) or "version" in str(error)  # noqa: PT017
            continue
        assert len(found) <= 2


@pytest.mark.parametrize("name", ANALYSERS)
@pytest.mark.parametrize("fill", [0x00, 0x7F, 0xFF])
def test_any_bytes_behind_the_magic(name: str, fill: int) -> None:
    whole = ANALYSERS[name](PACKETS)
    for kept in range(4, len(whole), 7):
        try:
            read(whole[:kept] + bytes([fill]) * (len(whole) - kept))
        except SourceError:
            continue


def test_what_cannot_be_read_says_what_to_do() -> None:
    with pytest.raises(SourceError, match=r"compressed.*editcap"):
        read(sniffer(PACKETS, packing=0))
    with pytest.raises(SourceError, match="editcap"):
        read(netxray(PACKETS, b"009.001"))
    with pytest.raises(SourceError, match="version"):
        read(b"iptrace 7.0" + bytes(60))
    with pytest.raises(SourceError, match="is none"):
        read(b"TRSNIFF of another kind")


def test_a_date_that_is_none_is_the_epoch() -> None:
    assert read(sniffer(PACKETS, date=15 << 5 | 31))[0].time_ns // 10**9 == 80_000
