from __future__ import annotations

from io import BytesIO

from egret.sources.bytestream import ByteStream
from egret.sources.pcapng import read_pcapng
from egret.store.pcapng import MAX_COMMENT, RAW_IP, begin, packet


def test_what_is_written_is_read() -> None:
    at_ns = 1_790_000_000_123_456_789
    data = begin("Egret", "a\nb") + packet(at_ns, b"\x45abc", "c" * 9000) + packet(-1, b"\x60", "")
    frames = [
        (f.time_ns, f.linktype, bytes(f.data), f.wire_length) for f in read_pcapng(ByteStream(BytesIO(data).read))
    ]
    assert frames == [(at_ns, RAW_IP, b"\x45abc", 4), (0, RAW_IP, b"\x60", 1)]
    assert data.count(b"c" * MAX_COMMENT) == 1
    assert b"\n" not in data[28:60]
    assert len(data) % 4 == 0
