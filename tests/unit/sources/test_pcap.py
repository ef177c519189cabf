import io
import struct

import pytest

from egret.errors import SourceError
from egret.sources.bytestream import ByteStream
from egret.sources.pcap import read_pcap
from tests.support.net import pcap_bytes


def stream(data: bytes, step: int = 1 << 20) -> ByteStream:
    raw = io.BytesIO(data)
    return ByteStream(lambda size: raw.read(min(size, step)))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
@pytest.mark.parametrize("step", [1, 5, 1 << 20])
def test_orders_and_resolutions(order: str, magic: int, unit: int, step: int) -> None:
    data = pcap_bytes([b"a", b"", b"ccc"], order=order, magic=magic, linktype=113)
    frames = list(read_pcap(stream(data, step)))
    assert [bytes(frame.data) for frame in frames] == [b"a", b"", b"ccc"]
    assert [frame.time_ns for frame in frames] == [index * 10**9 + 7 * unit for index in range(3)]
    assert {frame.linktype for frame in frames} == {113}


def test_snap_length() -> None:
    data = pcap_bytes([]) + struct.pack("<IIII", 1, 2, 3, 90) + b"abc"
    (frame,) = read_pcap(stream(data))
    assert (bytes(frame.data), frame.wire_length) == (b"abc", 90)


def test_a_wire_length_below_the_captured_one_is_not_believed() -> None:
    data = pcap_bytes([]) + struct.pack("<IIII", 1, 2, 3, 0) + b"abc"
    (frame,) = read_pcap(stream(data))
    assert frame.wire_length == 3


def test_old_versions_swap_the_lengths() -> None:
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 2, 0, 0, 65535, 1)
    (frame,) = read_pcap(stream(header + struct.pack("<IIII", 1, 2, 90, 3) + b"abc"))
    assert (bytes(frame.data), frame.wire_length) == (b"abc", 90)


def test_modified_records_are_longer() -> None:
    header = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    record = struct.pack("<IIIIIHBB", 1, 2, 3, 3, 0, 0, 0, 0) + b"abc"
    assert [bytes(frame.data) for frame in read_pcap(stream(header + record * 2))] == [b"abc"] * 2


def test_flags_beside_the_link_type_are_left_out() -> None:
    data = pcap_bytes([b"x"], linktype=0x5400_0001)
    assert next(read_pcap(stream(data))).linktype == 1


def broken(data: bytes) -> tuple[int, str]:
    seen: list[bytes] = []
    with pytest.raises(SourceError) as error:
        seen.extend(bytes(frame.data) for frame in read_pcap(stream(data)))
    return len(seen), str(error.value)


def test_cut_in_a_record() -> None:
    count, message = broken(pcap_bytes([b"abc", b"def"])[:-1])
    assert count == 1
    assert message == "packet 2, at byte 43, is cut off; the 1 before it were read"


def test_cut_in_the_header() -> None:
    assert "file header is cut off: 10 of 24" in broken(pcap_bytes([])[:10])[1]


def test_a_forged_length_allocates_nothing() -> None:
    count, message = broken(pcap_bytes([b"abc"]) + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0xFFFFFFFF) + bytes(100))
    assert count == 1
    assert "packet 2, at byte 43, claims 4294967295 bytes" in message


def test_unreadable_files_say_so() -> None:
    data = [pcap_bytes([b"abc"])]

    def read(size: int) -> bytes:
        if data:
            return data.pop()
        raise OSError(5, "Input/output error")

    frames = read_pcap(ByteStream(read))
    assert bytes(next(frames).data) == b"abc"
    with pytest.raises(SourceError, match="packet 2, at byte 43, cannot be had: cannot be read any further: Input"):
        next(frames)


@pytest.mark.parametrize(("magic", "size"), [(0xA1B2C3D4, 20), (0xA1B2C3D4, 24), (0xA1B2CD34, 28)])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_longer_record_headers_under_the_same_magic(magic: int, size: int, count: int) -> None:
    packets = [bytes([number]) * (60 + number) for number in range(count)]
    data = struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    for second, packet in enumerate(packets):
        data += struct.pack("<IIII", second + 10**9, 7, len(packet), len(packet)).ljust(size, b"\0") + packet
    frames = read_pcap(ByteStream(io.BytesIO(data).read))
    assert [bytes(frame.data) for frame in frames] == packets
