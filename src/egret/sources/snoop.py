"""Snoop files, as Solaris and its successors write them. Ref: RFC 1761."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.bytestream import ByteStream
from egret.sources.pcap import MAX_CAPTURED
from egret.sources.records import Record, Records, file_header

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
    header = file_header(stream, _HEADER.size)
    version, datalink = _HEADER.unpack(header)
    if version != _VERSION:
        raise SourceError(f"is a snoop file of version {version}; Egret reads version {_VERSION}")
    return _records(stream, _LINKTYPES.get(datalink, _UNKNOWN_LINKTYPE))


def _records(stream: ByteStream, linktype: int) -> Iterator[Frame]:
    records = Records(stream)
    while records.load(_RECORD.size):
        original, captured, length, _, seconds, micros = _RECORD.unpack_from(stream.window)
        if not _RECORD.size + captured <= length <= _MAX_RECORD:
            raise records.broken(f"claims {captured} bytes in a record of {length}, so the file is damaged")
        time_ns = seconds * 1_000_000_000 + micros * 1000
        padding = length - _RECORD.size - captured
        yield records.take(Record(linktype, time_ns, captured, original, _RECORD.size, padding))
