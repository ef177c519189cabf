"""Snoop files, as Solaris and its successors write them. Ref: RFC 1761."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.bytestream import ByteStream, StreamBroken
from egret.sources.pcap import MAX_CAPTURED

MAGIC = b"snoop\0\0\0"

_HEADER = Struct("!8xII")
_RECORD = Struct("!IIIIII")
_VERSION = 2
_MAX_RECORD = MAX_CAPTURED + (1 << 10)  # with its header and padding
_LINKTYPES = {
    0: 1,
    2: 6,
    4: 1,
    8: 10,
}  # IEEE 802.3, token ring, Ethernet, FDDI: RFC 1761's numbers to the pcap registry's
_UNKNOWN_LINKTYPE = 0xFFFF


def read_snoop(stream: ByteStream) -> Iterator[Frame]:
    """Yield the frames of a snoop stream that stands at its first byte.

    Raises:
        SourceError: another version, or the file is cut off or damaged; everything before that was yielded.
    """
    header = stream.peek(_HEADER.size)
    if len(header) < _HEADER.size:
        raise SourceError(f"the file header is cut off: {len(header)} of {_HEADER.size} bytes are there")
    version, datalink = _HEADER.unpack(header)
    if version != _VERSION:
        raise SourceError(f"is a snoop file of version {version}; Egret reads version {_VERSION}")
    stream.skip(_HEADER.size)
    return _records(stream, _LINKTYPES.get(datalink, _UNKNOWN_LINKTYPE))


def _records(stream: ByteStream, linktype: int) -> Iterator[Frame]:
    count = 0
    while _load(stream, _RECORD.size, count):
        original, captured, length, _, seconds, micros = _RECORD.unpack_from(stream.window)
        if not _RECORD.size + captured <= length <= _MAX_RECORD:
            raise _broken(stream, count, f"claims {captured} bytes in a record of {length}, so the file is damaged")
        if not _load(stream, length, count):
            raise _broken(stream, count, "is cut off")
        count += 1
        time_ns = seconds * 1_000_000_000 + micros * 1000
        data = memoryview(stream.window)[_RECORD.size : _RECORD.size + captured]
        yield Frame(time_ns, linktype, data, max(original, captured))
        stream.skip(length)


def _load(stream: ByteStream, size: int, count: int) -> bool:
    """Bring *size* bytes into the window; False at the end of the file."""
    try:
        held = len(stream.peek(size))
    except StreamBroken as error:
        raise _broken(stream, count, f"cannot be had: {error}") from error
    if 0 < held < size:
        raise _broken(stream, count, "is cut off")
    return held >= size


def _broken(stream: ByteStream, count: int, what: str) -> SourceError:
    return SourceError(f"packet {count + 1}, at byte {stream.start}, {what}; the {count} before it were read")
