"""Network Monitor: each version, each kind of network, cut anywhere."""

from __future__ import annotations

import io
import struct

import pytest

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.bytestream import ByteStream
from egret.sources.netmon import read_netmon
from tests.support.old_captures import START_S, netmon

PACKETS = [bytes(range(60)), b"the second"]
VERSIONS = [(1, 1), (2, 0), (2, 1), (2, 2), (2, 3)]


def read(data: bytes) -> list[Frame]:
    frames = read_netmon(ByteStream(io.BytesIO(data).read))
    return [frame._replace(data=memoryview(bytes(frame.data))) for frame in frames]


@pytest.mark.parametrize("version", VERSIONS)
def test_versions(version: tuple[int, int]) -> None:
    found = read(netmon(PACKETS, version))
    assert [(bytes(frame.data), frame.linktype, frame.wire_length) for frame in found] == [
        (PACKETS[0], 1, 69),
        (PACKETS[1], 1, 19),
    ]
    assert [frame.time_ns for frame in found] == [START_S * 10**9, (START_S + 1) * 10**9]


@pytest.mark.parametrize(("network", "linktype"), [(2, 6), (8, 101), (0xE071, 113), (0xE0E5, 229), (77, 0xFFFF)])
def test_networks(network: int, linktype: int) -> None:
    assert read(netmon(PACKETS, (2, 0), network))[0].linktype == linktype
    assert read(netmon(PACKETS, (2, 2), 1, network))[0].linktype == linktype


def test_headers_of_its_own() -> None:
    wlan = read(netmon([b"\2\x20\0" + bytes(29) + b"a frame"], network=6))[0]
    assert (wlan.linktype, bytes(wlan.data), wlan.wire_length) == (105, b"a frame", 16)
    assert bytes(read(netmon([bytes(16) + b"a cell"], network=4))[0].data) == b"a cell"


def test_what_is_no_packet_is_left_out() -> None:
    assert read(netmon(PACKETS, (2, 2), 1, 0xFFFB)) == []


def test_another_version_and_a_date_that_is_none() -> None:
    with pytest.raises(SourceError, match=r"version 3\.0"):
        read(netmon(PACKETS, (3, 0)))
    dateless = bytearray(netmon(PACKETS))
    struct.pack_into("<H", dateless, 10, 13)
    assert read(bytes(dateless))[1].time_ns == 10**9


@pytest.mark.parametrize("version", VERSIONS)
def test_cut_anywhere_and_lengths_that_lie(version: tuple[int, int]) -> None:
    whole = netmon(PACKETS, version)
    for size in range(len(whole) - len(b"the frame table")):
        if size == 128:
            continue
        with_table = bytearray(whole[:size])
        try:
            assert len(read(bytes(with_table))) < 2
        except SourceError as error:
            assert "cut off" in str(error)  # noqa: PT017
    lying = bytearray(whole)
    struct.pack_into("<I", lying, 128 + (4 if version[0] == 1 else 12), 0xFFFFFFFF)
    with pytest.raises(SourceError):
        read(bytes(lying))
