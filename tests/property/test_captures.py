"""Capture files: however the bytes come and whatever they are, frames or one SourceError."""

from __future__ import annotations

import gzip
import io

from hypothesis import example, given
from hypothesis import strategies as st

from egret.errors import SourceError
from egret.sources.files import CaptureFile
from tests.support.net import block, enhanced, interface, option, pcap_bytes, section

packets = st.lists(st.binary(max_size=30), max_size=5)


@st.composite
def classic(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    found = draw(packets)
    magic = draw(st.sampled_from([0xA1B2C3D4, 0xA1B23C4D]))
    return pcap_bytes(found, order=draw(st.sampled_from("<>")), magic=magic), found


@st.composite
def modern(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    data, found = b"", []
    for _ in range(draw(st.integers(1, 3))):
        order = draw(st.sampled_from("<>"))
        data += section(order) + interface(1, option(9, bytes([draw(st.integers(0, 255))]), order), order)
        for packet in draw(packets):
            if draw(st.booleans()):
                data += block(draw(st.sampled_from([4, 5, 0xBAD])), draw(st.binary(max_size=9)), order)
            data += enhanced(packet, draw(st.integers(0, 2**64 - 1)), order=order)
            found.append(packet)
    return data, found


captures = classic() | modern()


def read(data: bytes, step: int = 1 << 20) -> tuple[list[bytes], str | None]:
    raw = io.BytesIO(data)
    capture = CaptureFile("x", lambda size: raw.read(min(size, step)), raw.close, None, None)
    found: list[bytes] = []
    try:
        found.extend(bytes(frame.data) for frame in capture.frames())
    except SourceError as error:
        return found, str(error)
    return found, None


@given(captures, st.integers(1, 40), st.booleans())
def test_the_same_frames_however_the_bytes_come(case: tuple[bytes, list[bytes]], step: int, packed: bool) -> None:
    data, found = case
    assert read(gzip.compress(data) if packed else data, step) == (found, None)


def test_a_file_cut_in_its_second_record_is_not_taken_for_one_with_longer_headers() -> None:
    whole = pcap_bytes([bytes(9), bytes(2), b""], order="<", magic=0xA1B2C3D4)
    for size in range(len(whole)):
        assert read(whole[:size])[0] == [bytes(9), bytes(2), b""][: len(read(whole[:size])[0])]


@given(captures, st.data())
def test_a_cut_file_gives_what_it_held(case: tuple[bytes, list[bytes]], data: st.DataObject) -> None:
    whole, packets_in = case
    size = data.draw(st.integers(0, len(whole) - 1))
    found, error = read(whole[:size])
    assert found == packets_in[: len(found)]
    again, _ = read(gzip.compress(whole)[:-8])
    assert again == packets_in
    if error is not None:
        assert error.startswith("x: ")


@given(
    captures, st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 255)), min_size=1, max_size=5), st.integers(1, 99)
)
@example((pcap_bytes([b"", b"\0\0", b"", b""], order="<"), []), [(61, 4)], 1)  # a guess rested on what had come so far
def test_total_on_damaged_files(case: tuple[bytes, list[bytes]], damage: list[tuple[int, int]], step: int) -> None:
    data = bytearray(case[0])
    for where, value in damage:
        data[where % len(data)] = value
    assert read(bytes(data), step) == read(bytes(data))


@given(st.binary(max_size=100))
def test_total_on_any_bytes(data: bytes) -> None:
    read(data)
    read(b"\x1f\x8b" + data)
    read(section() + data)
    read(pcap_bytes([]) + data)
